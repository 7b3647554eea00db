"""Apache Kafka, one node that is broker and controller (KRaft), as a child process: for tests and benchmarks."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.local.embedded import broker_check, program_paths
from cli.local.embedded.child_process import ChildProcess, Server
from cli.local.embedded.free_ports import LOOPBACK, free_port, on_free_port

FORMAT_TIMEOUT_S = 60.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_ALWAYS_JVM = ("-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *_ALWAYS_JVM)
"""Little memory and the quick compiler only: what a test needs, or a program of a second."""
SERVER_JVM = (
    *("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"),
    *("-XX:+ExplicitGCInvokesConcurrent", *_ALWAYS_JVM),
)
"""Both compilers, to carry a load, and heap and collector of Kafka's own start script; the other collector stops the
broker for 30 ms at a time.
"""

LOGGING = """\
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = stdout
# At INFO each start would log 500 lines of settings, twice.
logger.settings.name = org.apache.kafka.common.config
logger.settings.level = WARN
"""


class KafkaBroker(Server):
    """A running Apache Kafka on 127.0.0.1; what it acknowledged survives a kill and a restart."""

    start_timeout_s = 90.0

    def __init__(
        self,
        directory: Path,
        *,
        classpath: str,
        port: int,
        controller_port: int,
        settings: Mapping[str, str] | None = None,
        jvm: Sequence[str] = JVM,
    ) -> None:
        """Describes the broker; `start` starts it.

        Args:
            directory: where it keeps its settings, its log file and its data.
            classpath: Java class path with Kafka's jars, as deploy/kafka/classpath.sh prints it.
            port: TCP port for clients on 127.0.0.1.
            controller_port: TCP port for itself on 127.0.0.1.
            settings: broker settings that replace the ones below or come on top.
            jvm: options of the Java virtual machine.
        """
        self.port = port
        self.directory = directory
        self.settings = {**_settings(directory, port, controller_port), **(settings or {})}
        self.cluster_id = ""
        self._java = [program_paths.java(), f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}"]
        self._classpath = classpath
        super().__init__(
            "Apache Kafka",
            [*self._java, *jvm, "-cp", classpath, "kafka.Kafka", str(self._settings_file)],
            log=directory / "kafka.log",
        )

    @property
    def bootstrap(self) -> str:
        """Address for clients, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        """Whether it answers a metadata request as a member of its cluster, and coordinates consumer groups."""
        return broker_check.answers(self.port, self.cluster_id) and broker_check.serves_groups(self.port)

    def start(self) -> None:
        """Starts the broker, its storage formatted first where it is new, and returns when it answers.

        Raises:
            ServiceFailed: formatting failed, or the broker ended or did not answer in time.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._settings_file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        (self.directory / "log4j2.properties").write_text(LOGGING)
        self.cluster_id = _cluster_id(_data(self.directory)) or self._format()
        super().start()

    @property
    def _settings_file(self) -> Path:
        return self.directory / "server.properties"

    def _format(self) -> str:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [*self._java, *JVM, "-cp", self._classpath, "kafka.tools.StorageTool", "format"]
        formatting = ChildProcess(
            "Apache Kafka's storage format",
            [*tool, f"--cluster-id={cluster_id}", "--config", str(self._settings_file)],
            log=self.log,
        )
        formatting.spawn()
        formatting.finish(FORMAT_TIMEOUT_S)
        return cluster_id


def start_apache_kafka(
    directory: Path,
    *,
    classpath: str,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    jvm: Sequence[str] = JVM,
) -> KafkaBroker:
    """Starts a one-node Apache Kafka and returns when it answers.

    Args:
        directory: folder for its log, settings and data; an earlier broker's data there is served again.
        classpath: Java class path with Kafka's jars, as deploy/kafka/classpath.sh prints it.
        port: TCP port for clients on 127.0.0.1; a free one if None.
        settings: broker settings on top of the defaults for tests.
        jvm: options of the Java virtual machine.

    Raises:
        ProgramMissing: there is no java.
        ServiceFailed: it did not start.
    """

    def start(port: int) -> KafkaBroker:
        broker = KafkaBroker(
            directory, classpath=classpath, port=port, controller_port=free_port(), settings=settings, jvm=jvm
        )
        broker.start()
        return broker

    return start(port) if port else on_free_port(start)


def _data(directory: Path) -> Path:
    return directory / "data"


def _cluster_id(data: Path) -> str | None:
    """The cluster that a data folder was formatted for; None if it was not."""
    properties = data / "meta.properties"
    if not properties.exists():
        return None
    pairs = dict(line.split("=", 1) for line in properties.read_text().splitlines() if "=" in line)
    return pairs["cluster.id"]


def _settings(directory: Path, port: int, controller_port: int) -> dict[str, str]:
    """Broker settings: loopback only, one copy of everything, no waiting for more members or replicas."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(_data(directory)),
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A killed broker may come back only when its former self is given up: 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # The default takes a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }
