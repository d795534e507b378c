import java.nio.file.*;
import java.time.*;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.serialization.*;

/**
 * An agency's consumer on Kafka: reads its queue, acknowledges each referral, goes on where it stopped. Needs kafka-clients 3.6 or newer.
 *
 *   TPPO_KAFKA=host:9093 TPPO_AGENCY=polres-3301 TPPO_PASSWORD_FILE=password java -cp 'kafka-clients.jar:...' Agency.java
 *
 * A record without a value takes a referral back. The offset is committed after the answer was stored: nothing is lost, and what is
 * answered twice has the same answer_id and counts once. Personal fields are not here: open them by GET /agency/referrals/{id}.
 */
public class Agency {
  public static void main(String[] args) throws Exception {
    String agency = env("TPPO_AGENCY", null);
    boolean once = env("TPPO_ONCE", "0").equals("1");
    Properties connection = new Properties();
    connection.put("bootstrap.servers", env("TPPO_KAFKA", null));
    connection.put("security.protocol", env("TPPO_SECURITY", "SASL_SSL"));
    connection.put("sasl.mechanism", "SCRAM-SHA-512");
    connection.put("sasl.jaas.config", String.format(
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
        env("TPPO_USER", agency), Files.readString(Path.of(env("TPPO_PASSWORD_FILE", null))).strip()));
    Properties reading = (Properties) connection.clone();
    reading.put("group.id", agency + ".java");
    reading.put("enable.auto.commit", "false");
    reading.put("auto.offset.reset", "earliest");
    try (var reader = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer());
        var writer = new KafkaProducer<>(connection, new StringSerializer(), new StringSerializer())) {
      reader.subscribe(List.of("queue-" + agency));
      for (int quiet = 0; !once || quiet < 10; ) {
        ConsumerRecords<String, String> found = reader.poll(Duration.ofSeconds(1));
        quiet = found.isEmpty() ? quiet + 1 : 0;
        for (ConsumerRecord<String, String> record : found) {
          if (record.value() == null) System.out.println(record.key() + " ditarik / withdrawn");
          else if (kind(record).equals("ReferralQueued")) acknowledge(writer, agency, record);
          else System.out.println(record.key() + " ditolak / refused: " + record.value());
        }
        reader.commitSync();
      }
    } catch (ApiException refused) { // a wrong password, or a queue that is not yours
      System.err.println("ditolak broker / refused by the broker: " + refused.getMessage());
      System.exit(1);
    }
  }

  static void acknowledge(KafkaProducer<String, String> writer, String agency, ConsumerRecord<String, String> record) throws Exception {
    System.out.println(record.key() + " " + record.value());
    String answer = String.format("{\"answer_id\": \"ack-%s\", \"referral_id\": \"%s\", \"status\": \"acknowledged\", \"answered_at\": \"%s\"}",
        record.key(), record.key(), OffsetDateTime.now());
    var message = new ProducerRecord<>("answers-" + agency, record.key(), answer);
    message.headers().add("kind", "ReferralAnswered".getBytes());
    writer.send(message).get();
  }

  static String kind(ConsumerRecord<String, String> record) {
    var header = record.headers().lastHeader("kind");
    return header == null ? "" : new String(header.value());
  }

  static String env(String name, String otherwise) {
    String value = System.getenv().getOrDefault(name, otherwise);
    if (value == null) throw new IllegalArgumentException(name + " is not set");
    return value;
  }
}
