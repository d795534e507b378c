"""The exceptions that mean "the broker or the store is away": wait without limit, nothing is wrong with the message."""

import aiokafka.errors as aiokafka_errors
import kafka.errors as kafka_errors
import pymongo.errors as mongo_errors

AWAY: tuple[type[Exception], ...] = (
    ConnectionError,
    mongo_errors.AutoReconnect,
    mongo_errors.ServerSelectionTimeoutError,
    mongo_errors.NetworkTimeout,
    mongo_errors.WaitQueueTimeoutError,
    kafka_errors.KafkaConnectionError,
    kafka_errors.KafkaTimeoutError,
    kafka_errors.NetworkExceptionError,
    kafka_errors.NotLeaderForPartitionError,
    kafka_errors.LeaderNotAvailableError,
    kafka_errors.RequestTimedOutError,
    kafka_errors.CoordinatorNotAvailableError,
    kafka_errors.NotEnoughReplicasError,
    aiokafka_errors.KafkaConnectionError,
    aiokafka_errors.KafkaTimeoutError,
    aiokafka_errors.NotLeaderForPartitionError,
    aiokafka_errors.LeaderNotAvailableError,
    aiokafka_errors.RequestTimedOutError,
    aiokafka_errors.NotEnoughReplicasError,
    aiokafka_errors.NodeNotReadyError,
)
