"""Fixtures with the real servers' addresses; what was skipped for want of one is counted."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.integration.platform import addresses
from tests.integration.servers import (
    ELASTICSEARCH,
    GCS,
    KAFKA,
    MLFLOW,
    OPTIONAL,
    POSTGRESQL,
    REDIS,
    S3,
    SKIPPED,
    Wanted,
    server,
)

__all__ = ["addresses"]


def _address(wanted: Wanted) -> Iterator[str]:
    with server(wanted) as url:
        if url is None:
            pytest.skip(f"{SKIPPED}{wanted.native}; run `bookstream stack up`, or set {wanted.variable}")
        yield url


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """`kafka://host:port`; add `?prefix=` of your own."""
    yield from _address(KAFKA)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """`s3://bucket?endpoint=...`; make a bucket of your own."""
    yield from _address(S3)


@pytest.fixture(scope="session")
def gcs_url() -> Iterator[str]:
    """`gs://bucket?endpoint=...`; make a bucket of your own."""
    with server(GCS) as url:
        if url is None:
            pytest.skip(f"{OPTIONAL}{GCS.native}; run `make test-gcs`, or set {GCS.variable}")
        yield url


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Of a database from which others can be made."""
    yield from _address(POSTGRESQL)


@pytest.fixture
def new_database(postgresql_url: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with nothing in it."""
    name = f"new_{uuid4().hex}"
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """`elasticsearch://host:port/alias`; use an alias of your own."""
    yield from _address(ELASTICSEARCH)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """`redis://...`; add `?prefix=` of your own."""
    yield from _address(REDIS)


@pytest.fixture(scope="session")
def mlflow_url() -> Iterator[str]:
    """`mlflow+http://host:port`; clear it or use names of your own."""
    yield from _address(MLFLOW)


def pytest_configure(config: pytest.Config) -> None:
    """kafka-python drops the sockets of connections that broke without closing them."""
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested."""
    for reason, wanted in ((SKIPPED, "a real server"), (OPTIONAL, "an optional server")):
        if skipped := _count_skipped(terminalreporter, reason):
            terminalreporter.write_line(f"{skipped} tests SKIPPED for want of {wanted}", red=True, bold=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a server that is lacking is a failure, but for an optional one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        os.environ.get("CI")
        and isinstance(reporter, pytest.TerminalReporter)
        and _count_skipped(reporter, SKIPPED)
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _count_skipped(reporter: pytest.TerminalReporter, reason: str) -> int:
    return sum(reason in str(report.longrepr) for report in reporter.stats.get("skipped", []))
