"""Where the real servers are that these tests ask for.

In this order: the address in the environment, a container, the native stack when it runs here; else the test
is skipped, which is counted, and fails a CI run. Servers are shared: a test makes its own prefix, bucket,
database or alias.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from bookstream.services import find_free_port
from devstack.stack import Stack

SKIPPED = "no server: "
OPTIONAL = "no optional server: "
"""Reason of tests whose server is not part of the stack by default; it is counted, too, and fails nothing."""
_KEY, _SECRET = "containerkey", "container-secret"


@dataclass(frozen=True)
class Wanted:
    """A server: how to name it in the environment, in the native stack, and how to run it in a container."""

    variable: str
    native: str
    setting: str
    image: str
    port: int
    url: str
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: str = ""


KAFKA = Wanted(
    "BOOKSTREAM_TEST_KAFKA_URL",
    native="kafka",
    setting="BOOKSTREAM_EVENT_LOG_URL",
    image="apache/kafka:4.1.1",
    port=9092,
    url="kafka://127.0.0.1:{port}",
    ready="Kafka Server started",
    environment={
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    },
)
S3 = Wanted(
    "BOOKSTREAM_TEST_S3_URL",
    native="versitygw",
    setting="BOOKSTREAM_LAKE_URL",
    image="versity/versitygw:v1.8.0",
    port=7070,
    url="s3://?endpoint=http://127.0.0.1:{port}",
    ready="VERSITYGW|listening|started",
    environment={"ROOT_ACCESS_KEY": _KEY, "ROOT_SECRET_KEY": _SECRET},
    command="posix /tmp",
)
GCS = Wanted(
    "BOOKSTREAM_TEST_GCS_URL",
    native="fake-gcs-server",
    setting="BOOKSTREAM_LAKE_URL",
    image="fsouza/fake-gcs-server:1.56.1",
    port=4443,
    url="gs://?endpoint=http://127.0.0.1:{port}",
    ready="server started",
    command="-scheme http -external-url http://127.0.0.1:{port}",
)
POSTGRESQL = Wanted(
    "BOOKSTREAM_TEST_POSTGRESQL_URL",
    native="postgresql",
    setting="BOOKSTREAM_CATALOGUE_URL",
    image="postgres:18",
    port=5432,
    url=f"postgresql+psycopg2://postgres:{_SECRET}@127.0.0.1:{{port}}/postgres",
    ready="ready to accept connections",
    environment={"POSTGRES_PASSWORD": _SECRET},
)
ELASTICSEARCH = Wanted(
    "BOOKSTREAM_TEST_ELASTICSEARCH_URL",
    native="elasticsearch",
    setting="BOOKSTREAM_SEARCH_URL",
    image="elasticsearch:9.5.0",
    port=9200,
    url="elasticsearch://127.0.0.1:{port}/books",
    ready="started",
    environment={
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
    },
)
REDIS = Wanted(
    "BOOKSTREAM_TEST_REDIS_URL",
    native="valkey",
    setting="BOOKSTREAM_CACHE_URL",
    image="valkey/valkey:9",
    port=6379,
    url="redis://127.0.0.1:{port}/0",
    ready="Ready to accept connections",
)

MLFLOW = Wanted(
    "BOOKSTREAM_TEST_MLFLOW_URL",
    native="mlflow",
    setting="BOOKSTREAM_REGISTRY_URL",
    image="ghcr.io/mlflow/mlflow:v3.17.2",
    port=5000,
    url="mlflow+http://127.0.0.1:{port}",
    ready="Application startup complete",
    command="mlflow server --host 0.0.0.0 --workers 1",
)


@contextmanager
def server(wanted: Wanted) -> Iterator[str | None]:
    """The server's URL until the end of the block; None when there is none."""
    if given := os.environ.get(wanted.variable):
        yield given
    elif _engine_has(wanted.image):
        with _container(wanted) as url:
            yield url
    else:
        yield _native(wanted)


def _native(wanted: Wanted) -> str | None:
    stack = Stack()
    if not all(state.is_ready for state in stack.list_status([wanted.native])):
        return None
    exports = stack.read_exports([wanted.native])
    os.environ.update({name: value for name, value in exports.items() if name.startswith("AWS_")})
    return exports[wanted.setting]


def _engine_has(image: str) -> bool:
    """Whether an engine answers and has the image or can pull it."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").is_socket()):
        return False
    with suppress(DockerException):
        engine = DockerClient.from_env(timeout=60)
        try:
            if not engine.images.list(name=image):
                engine.images.pull(*image.split(":"))
            return True
        finally:
            engine.close()
    return False


@contextmanager
def _container(wanted: Wanted) -> Iterator[str]:
    port = find_free_port()
    container = DockerContainer(wanted.image).with_bind_ports(wanted.port, port)
    for name, value in wanted.environment.items():
        container.with_env(name, value.replace("{port}", str(port)))
    if wanted.command:
        container.with_command(wanted.command.replace("{port}", str(port)))
    container.waiting_for(LogMessageWaitStrategy(wanted.ready).with_startup_timeout(180))
    if wanted is S3:
        os.environ.update(AWS_ACCESS_KEY_ID=_KEY, AWS_SECRET_ACCESS_KEY=_SECRET)
    with container:
        yield wanted.url.format(port=port)
