"""Every query of a panel and of an alert returns series while the product runs."""

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import httpx2
import pytest
from deploy.observability.boards import BOARDS
from tests.e2e.processes import Process, run_processes
from tests.e2e.sites import run_sample_shop
from tests.observability.prometheus import Prometheus, run_prometheus
from tests.observability.test_alerts import list_rules
from tests.unit.ml_api.conftest import World, trained
from tests.unit.ml_api.test_canary import start_canary
from tests.unit.ml_api.test_monitoring import make_busy

from bookcore.event_log import open_event_log
from bookcore.events.codec import encode
from bookcore.events.crawl import Action, CrawlCommand
from bookcore.events.topics import COMMAND
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from ml_api.settings import Settings

__all__ = ["trained"]

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is missing: make promtool")
_TRIAL = {
    "BOOKSTREAM_ML_TRIAL": "canary",
    "BOOKSTREAM_ML_CANARY_STEPS": "20,60",
    "BOOKSTREAM_ML_CANARY_PRICES": "1000",
    "BOOKSTREAM_ML_RELOAD_SECONDS": "0.2",
}
PANELS = {
    f"{board.name}: {panel.title}": [query.expression for query in panel.queries]
    for board in BOARDS
    for row in board.rows
    for panel in row.panels
}
ALERTS = {
    f"alert {rule['alert']}": [re.sub(r" (==|>=?|<=?) ", r" \1 bool ", str(rule["expr"]))]
    for rule in list_rules()
    if "alert" in rule
}
"""With `bool` a comparison keeps the series that it is false for."""
QUERIES = PANELS | ALERTS
SILENT = {
    "overview: Firing alerts": "while an alert fires",
    "pipeline: Dead letters by reason": "after a rejected record",
    "pipeline: Last audit": "of a command, while it runs",
    "alert EventsLost": "of a command, while it runs",
    "alert ScheduleMissed": "of a source with a schedule",
    "alert BackupTooOld": "of kube-state-metrics, in a cluster",
    "gateway: Failures by reason": "after a failure of a service",
    "models: Trainings by result": "of a job, while it runs",
}
"""Panel or alert -> when its series exist."""


@pytest.fixture(scope="module")
def prometheus(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    data = tmp_path_factory.mktemp("product") / "data"
    shutil.copytree(trained, data)
    world = start_canary(World(Settings(data=data)))
    with run_sample_shop("--books", "20") as shop, run_processes(data, _TRIAL) as processes:
        targets = {name: each.admin.removeprefix("http://") for name, each in processes.items()}
        with run_prometheus(tmp_path_factory.mktemp("prometheus"), targets) as running:
            with closing(open_event_log(world.settings.event_log_url)) as log:
                crawl = CrawlCommand.issue(Action.START, "sample_shop", url=shop.url, issued_by="test")
                log.append(COMMAND.name, [encode(crawl, source="test")])
            use_product(world, processes)
            yield running


def use_product(world: World, processes: dict[str, Process]) -> None:
    """Requests to every service, predictions by both versions, their prices, and inputs that drift."""
    for path in ("/v1/books", "/v1/search?q=x", "/health/live"):
        httpx.get(f"{processes['gateway'].public}{path}", trust_env=False, timeout=60)
    tokens = InternalTokens(world.settings.internal_secret.get_secret_value())
    reader = {HEADER: tokens.sign(Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER]))}
    for name, path in (("books-api", "/books"), ("search-api", "/search?q=x")):
        address = f"{processes[name].public}{path}"
        assert httpx.get(address, headers=reader, trust_env=False, timeout=60).status_code == 200
    address = processes["ml-api"].public
    with httpx2.Client(base_url=address, headers=reader, trust_env=False, timeout=60) as client:
        make_busy(world, client)


def test_every_panel_and_alert_has_series_from_the_running_product(prometheus: Prometheus) -> None:
    wanted = {query: name for name, queries in QUERIES.items() if name not in SILENT for query in queries}
    silent = prometheus.wait_for_series(wanted)
    assert [f"{wanted[query]}: {query}" for query in silent] == []


def test_a_misspelt_metric_has_none(prometheus: Prometheus) -> None:
    query = "sum(rate(gateway_request_total[1m]))"
    assert prometheus.find_silent([query, "sum(up)"]) == [query]


def test_a_query_that_may_be_silent_is_one_of_a_panel_or_an_alert() -> None:
    assert SILENT.keys() <= QUERIES.keys()
