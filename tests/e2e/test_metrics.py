"""What every process exports at /metrics is the list of docs/metrics.md, in both directions."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest
from tests.e2e.processes import PUBLIC, RUNNING, Process, run_processes

from bookcore.kit.admin.families import ALL, list_families
from bookcore.kit.admin.metrics import ProcessMetrics
from bookstream.admin import get_metrics

WITHIN = 120.0


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Process]]:
    with run_processes(tmp_path_factory.mktemp("data")) as started:
        yield started


def read_names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


def list_names(process: str) -> set[str]:
    return {family.name for family in list_families(process)}


@pytest.mark.parametrize("name", RUNNING)
def test_a_process_exports_what_is_listed_for_it_and_nothing_else(
    processes: dict[str, Process], name: str
) -> None:
    text = httpx.get(f"{processes[name].admin}/metrics", trust_env=False, timeout=WITHIN).text
    assert read_names(text) == list_names(name)
    for family in list_families(name):
        for labels in re.findall(rf"^{family.name}(?:_bucket|_sum|_count)?\{{(.*)\}} ", text, re.MULTILINE):
            found = set(re.findall(r'(\w+)="', labels)) - {"le"}
            assert found == set(family.labels), family.name


def test_a_job_exports_what_is_listed_for_it_and_nothing_else() -> None:
    assert set(ALL) == {*RUNNING, "trainer", "cli"}
    assert read_names(ProcessMetrics("trainer").render().decode()) == list_names("trainer")
    assert read_names(get_metrics().render().decode()) == list_names("cli")


@pytest.mark.parametrize("name", RUNNING)
def test_a_process_lives_is_ready_and_tells_its_stores(processes: dict[str, Process], name: str) -> None:
    with httpx.Client(base_url=processes[name].admin, trust_env=False, timeout=WITHIN) as client:
        assert client.get("/health/live").status_code == 200
        for _ in range(100):
            stores = client.get("/health/detail").json()
            if stores:
                break
            Event().wait(0.1)
        assert [store for store, state in stores.items() if not state["available"]] == []
        assert stores


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_metrics_are_not_on_the_public_port(processes: dict[str, Process], name: str) -> None:
    assert httpx.get(f"{processes[name].public}/metrics", trust_env=False, timeout=WITHIN).status_code == 404


def test_lag_freshness_and_records_of_the_ingestor_are_measured(processes: dict[str, Process]) -> None:
    for _ in range(300):
        text = httpx.get(f"{processes['ingestor'].admin}/metrics", trust_env=False, timeout=WITHIN).text
        if "ingestor_lag_seconds{" in text:
            break
        Event().wait(0.1)
    for group in ("ingestor.catalogue", "ingestor.index"):
        for partition in range(4):
            labels = f'group="{group}",partition="{partition}"'
            assert f"ingestor_lag_messages{{{labels}}} 0.0" in text
            assert f"ingestor_lag_seconds{{{labels}}} 0.0" in text
    assert "ingestor_outbox_messages 0.0" in text


def test_the_page_names_every_process(processes: dict[str, Process]) -> None:
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    assert [
        name for process in processes for name in list_names(process) if f"| `{name}` |" not in page
    ] == []
