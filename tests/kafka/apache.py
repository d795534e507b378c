"""One KRaft node of Apache Kafka from the jars of Maven, for tests: ready in a few seconds, gone with its folder."""

import subprocess
import uuid
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


def start(folder: Path) -> Child:
    """A broker that answers; `port` of the child is its listener."""
    jars, port, controller = fetch(), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(_PROPERTIES.format(port=port, controller=controller, data=folder / "data"))
    java = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-cp", f"{jars}/*"]
    cluster = str(uuid.uuid4())
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True,
        capture_output=True,
    )
    broker = Child.start("kafka", [*java, "kafka.Kafka", str(properties)], folder / "logs", port=port)
    broker.wait_for_port(60)
    return broker
