"""One KRaft node of Apache Kafka from the jars of Maven, for tests: ready in a few seconds, gone with its folder."""

import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from services.embedded.processes import Child, free_port

HERE = Path(__file__).parent
JARS = HERE.parents[1] / ".kafka" / "jars"

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def fetch() -> Path:
    """The jars, by Maven, once."""
    if not any(JARS.glob("kafka_2.13-*.jar")):
        JARS.mkdir(parents=True, exist_ok=True)
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*command, "-DincludeScope=runtime", f"-DoutputDirectory={JARS}"], check=True)
    return JARS


# With users: SCRAM for everybody, an authorizer that refuses what no ACL grants, and `admin` who may everything.
_SECURED = """
listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
security.inter.broker.protocol=SASL_PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:admin;User:ANONYMOUS
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="{password}";
"""


def start(folder: Path, passwords: Mapping[str, str] | None = None) -> Child:
    """A broker that answers; `port` of the child is its listener. With passwords (one is `admin`'s) everybody must log in."""
    jars, port, controller = fetch(), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    text = _PROPERTIES.format(port=port, controller=controller, data=folder / "data")
    if passwords:
        plain = [line for line in text.splitlines() if not line.startswith("listener.security.protocol.map")]
        text = "\n".join(plain).replace("PLAINTEXT://", "SASL_PLAINTEXT://") + _SECURED.format(
            password=passwords["admin"]
        )
    properties.write_text(text)
    java = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-cp", f"{jars}/*"]
    cluster = str(uuid.uuid4())
    users = [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in (passwords or {}).items()]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), *users],
        check=True,
        capture_output=True,
    )
    broker = Child.start("kafka", [*java, "kafka.Kafka", str(properties)], folder / "logs", port=port)
    broker.wait_for_port(60)
    return broker
