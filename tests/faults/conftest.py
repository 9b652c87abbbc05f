"""The fault suite needs the native stack.

Tests marked `exclusive` kill servers that all tests share, so they run alone; the others use proxies or data
of their own and run side by side.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.e2e.laptop import Laptop, State
from tests.faults.load import Publisher, build_story
from tests.integration.conftest import pytest_configure, pytest_sessionfinish, pytest_terminal_summary
from tests.integration.platform import Addresses
from tests.integration.servers import SKIPPED

from bookcore.testing.proxy import FaultProxy
from devstack.kafka import KAFKA, PROXIED_PORT_OFFSET, PROXY_PORT_OFFSET
from devstack.server import HOST
from devstack.stack import DEFAULT, SERVERS, Stack

__all__ = ["pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary"]

STRUCK = [name for name in DEFAULT if name != "mlflow"]
"""What events pass through."""
BOOKS = 240
EVENTS = len(build_story(BOOKS))
LEDGER = f"acked={EVENTS} lake={EVENTS} catalogue={EVENTS} search={EVENTS} parked=0 lost=0 dup_effects=0"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All five servers, started if need be; skipped when they aren't installed."""
    stack = Stack()
    missing = [state.server.name for state in stack.list_status(STRUCK) if not state.is_installed]
    if missing:
        pytest.skip(f"{SKIPPED}{', '.join(missing)}; run `bookstream stack up`")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.start(STRUCK).items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield stack


@pytest.fixture
def addresses(stack: Stack) -> Addresses:
    """Straight to the servers, which are up again whatever the last test did."""
    urls = stack.start(STRUCK)
    return Addresses(
        kafka=urls["BOOKSTREAM_EVENT_LOG_URL"],
        s3=urls["BOOKSTREAM_LAKE_URL"],
        postgresql=urls["BOOKSTREAM_CATALOGUE_URL"],
        elasticsearch=urls["BOOKSTREAM_SEARCH_URL"],
        redis=urls["BOOKSTREAM_CACHE_URL"],
    )


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> State:
    """What the story ends in when nothing happens: the embedded run."""
    laptop = Laptop(tmp_path_factory.mktemp("undisturbed"))
    prepared = laptop.run_module("ingestor", "migrate")
    assert prepared.code == 0, prepared.err
    load = Publisher(laptop, build_story(BOOKS)).start()
    load.finish()
    laptop.ingest()
    assert str(laptop.audit()) == LEDGER
    return laptop.read_state()


@dataclass(frozen=True)
class Trial:
    """A platform under load, to which something happens; `programs` may reach it through a proxy."""

    laptop: Laptop
    programs: Laptop
    undisturbed: State
    tell: Callable[[str], None]

    def endure(self, strike: Callable[[], None]) -> None:
        """Strike when a third is published; afterwards the lag must return to 0 by itself, with the same
        catalogue and index as an undisturbed run."""
        with self.programs.run_ingestor() as ingestor:
            load = Publisher(self.programs, build_story(BOOKS)).start()
            load.wait_for_share(1 / 3)
            self.laptop.wait_until_begun()
            strike()
            load.finish()
            self.laptop.wait_until_settled()
            assert ingestor.poll() is None, "the ingestor gave up"
        self.check()

    def check(self, ledger: str = LEDGER) -> None:
        """Print the ledger's line and compare."""
        audit = self.laptop.audit()
        self.tell(str(audit))
        assert str(audit) == ledger
        assert self.laptop.read_state() == self.undisturbed

    @contextmanager
    def run_behind_proxy(self, stack: Stack, name: str) -> Iterator[tuple["Trial", FaultProxy]]:
        """The same with a proxy before one of the servers."""
        server = SERVERS[name]
        here = stack.locate(server)
        broker = server is KAFKA  # tells its clients where to go
        target, wish = (
            (here.port + PROXIED_PORT_OFFSET, here.port + PROXY_PORT_OFFSET) if broker else (here.port, 0)
        )
        with FaultProxy(target, port=wish) as proxy:
            environment = {
                name: value.replace(f"{HOST}:{here.port}", f"{HOST}:{proxy.port}")
                for name, value in self.laptop.environment.items()
            }
            yield replace(self, programs=replace(self.laptop, environment=environment)), proxy


@pytest.fixture
def trial(
    addresses: Addresses,
    undisturbed: State,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> Trial:
    """On the servers themselves."""

    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {line}")

    laptop = addresses.laptop(tmp_path, BOOKSTREAM_INGESTOR_BATCH="50")
    return Trial(laptop, laptop, undisturbed, tell)
