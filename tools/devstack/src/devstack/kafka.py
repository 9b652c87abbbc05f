"""Apache Kafka, one node that is broker and controller, from Maven's repository."""

from base64 import urlsafe_b64encode
from pathlib import Path
from struct import pack
from uuid import uuid4

from devstack.kafka_tls import USER, build_listeners, write_keystore
from devstack.server import (
    HOST,
    Instance,
    LaunchCommand,
    Server,
    find_tool,
    get_short_life_options,
    probe,
    run_command,
)

VERSION = "4.1.1"
PROXIED_PORT_OFFSET, PROXY_PORT_OFFSET = 2, 3
"""Added to the port: where the broker listens for a proxy of the tests, and where that proxy listens. Without
a listener of its own the broker would redirect clients past the proxy."""
_LOG4J = "2.24.3"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>bookstream</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_PROPERTIES = """process.roles=broker,controller
node.id=1
{listeners}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.retention.check.interval.ms=60000
log.dirs={logs}
"""
_LISTENERS = """listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller},BEHIND://{host}:{behind}
advertised.listeners=PLAINTEXT://{host}:{port},BEHIND://{host}:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT"""
_LOGGING = """rootLogger.level=WARN
rootLogger.appenderRef.stdout.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c)%n
"""
_JAVA = "install a Java 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)"
_API_VERSIONS = pack(">ihhih", 10, 18, 0, 1, -1)


def _install(folder: Path) -> None:
    maven = find_tool("mvn", "install Maven (Debian: apt-get install maven)")
    artifacts = [
        ("org.apache.kafka", "kafka_2.13", VERSION),
        ("org.apache.logging.log4j", "log4j-core", _LOG4J),
        ("org.apache.logging.log4j", "log4j-slf4j-impl", _LOG4J),
    ]
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        "</dependency>"
        for group, name, version in artifacts
    )
    (folder / "pom.xml").write_text(_POM.format(dependencies=dependencies))
    goal = "dependency:copy-dependencies"
    run_command(
        [maven, "-q", "-B", "-f", str(folder / "pom.xml"), goal, f"-DoutputDirectory={folder / 'lib'}"]
    )


def _prepare(here: Instance) -> None:
    logs = here.data / "log"
    listeners = _LISTENERS.format(
        host=HOST,
        port=here.port,
        controller=here.port + 1,
        behind=here.port + PROXIED_PORT_OFFSET,
        proxy=here.port + PROXY_PORT_OFFSET,
    )
    if here.certificates:
        write_keystore(here)
        listeners = build_listeners(here)
    text = _PROPERTIES.format(host=HOST, controller=here.port + 1, listeners=listeners, logs=logs)
    (here.data / "server.properties").write_text(text)
    (here.data / "log4j2.properties").write_text(_LOGGING)
    if not (logs / "meta.properties").exists():
        cluster = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        storage = ["kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}"]
        if here.certificates:
            storage += ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={here.password}]"]
        run_command([*_build_java_command(here), *storage, "-c", str(here.data / "server.properties")])


def _build_command(here: Instance) -> LaunchCommand:
    return LaunchCommand([*_build_java_command(here), "kafka.Kafka", str(here.data / "server.properties")])


def _build_java_command(here: Instance) -> list[str]:
    short = get_short_life_options(here)
    settings = ["-Xmx512m", *short, f"-Dlog4j2.configurationFile={here.data / 'log4j2.properties'}"]
    return [find_tool("java", _JAVA), *settings, "-cp", f"{here.programs / 'lib'}/*"]


def _is_ready(here: Instance) -> bool:
    """Whether it answers requests; it doesn't before its logs are loaded."""
    return len(probe(here, _API_VERSIONS)) > 4


def _build_exports(here: Instance) -> dict[str, str]:
    place = f"{HOST}:{here.port}"
    if here.certificates:
        place = f"{USER}:{here.password}@{place}?cafile={here.authority}"
    return {"BOOKSTREAM_EVENT_LOG_URL": f"kafka://{place}"}


KAFKA = Server(
    name="kafka",
    version=VERSION,
    port=19_092,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=_build_exports,
)
