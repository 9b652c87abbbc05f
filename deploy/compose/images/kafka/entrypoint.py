"""KAFKA_A_B=c becomes a.b=c of server.properties, as in apache/kafka; then the broker runs."""

import os
import subprocess
from pathlib import Path

HOME = Path("/etc/kafka/docker")
NOT_PROPERTIES = ("KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_VERSION")
LOGGING = """rootLogger.level=WARN
rootLogger.appenderRef.stdout.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c)%n
"""


def main() -> None:
    """Becomes the broker."""
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in os.environ.items()
        if name.startswith("KAFKA_") and name not in NOT_PROPERTIES
    }
    settings = HOME / "server.properties"
    settings.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    (HOME / "log4j2.properties").write_text(LOGGING)
    heap = os.environ.get("KAFKA_HEAP_OPTS", "-Xmx1G").split()
    logging = f"-Dlog4j2.configurationFile={HOME / 'log4j2.properties'}"
    java = ["/opt/java/bin/java", *heap, logging, "-cp", "/opt/kafka/libs/*"]
    cluster = os.environ["CLUSTER_ID"]
    storage = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", str(settings)]
    subprocess.run([*java, *storage], check=True)  # noqa: S603 - our own words
    os.execv(java[0], [*java, "kafka.Kafka", str(settings)])  # noqa: S606 - our own words


if __name__ == "__main__":
    main()
