"""The workers' numbers come together without any being missed, counted twice or taken back."""

from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observability.counters import NO_COUNTERS, Counters, sum_counters
from gateway.observability.worker_counters import WorkerCounters, fold_exited

REQUESTS, OPEN = ("gateway_requests", "GET", "/books", "200"), ("gateway_connections",)


def build_counters(requests: int, *, connections: int = 1) -> Counters:
    return Counters({REQUESTS: requests}, {OPEN: connections})


SAMPLES = st.dictionaries(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1).map(tuple),
    st.floats(min_value=0, max_value=1e12),
)


@given(SAMPLES, SAMPLES)
def test_counters_survive_packing(
    counts: dict[tuple[str, ...], float], levels: dict[tuple[str, ...], float]
) -> None:
    assert Counters.unpack(Counters(counts, levels).pack()) == Counters(counts, levels)


def test_each_worker_reports_the_sum_of_all(tmp_path: Path) -> None:
    one, two = WorkerCounters(tmp_path, "1"), WorkerCounters(tmp_path, "2")
    one.publish(build_counters(3))
    two.publish(build_counters(4, connections=7))
    two.publish(build_counters(5, connections=6))
    assert one.read_total() == two.read_total() == build_counters(8, connections=7)


def test_counts_outlive_their_worker_and_gauges_do_not(tmp_path: Path) -> None:
    worker_counters = WorkerCounters(tmp_path, "2")
    WorkerCounters(tmp_path, "1").publish(build_counters(3, connections=9))
    worker_counters.publish(build_counters(4))
    fold_exited(tmp_path, "1")
    fold_exited(tmp_path, "1")
    assert worker_counters.read_total() == build_counters(7)
    fold_exited(tmp_path, "2")
    assert worker_counters.read_total() == Counters({REQUESTS: 7}, {})


def test_worker_without_published_counters_can_exit(tmp_path: Path) -> None:
    fold_exited(tmp_path, "1")
    assert WorkerCounters(tmp_path, "2").read_total() == NO_COUNTERS


def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    worker_counters = WorkerCounters(tmp_path / "gone", "1")
    with pytest.raises(OSError, match="gone"):
        worker_counters.publish(NO_COUNTERS)
    with pytest.raises(OSError, match="gone"):
        worker_counters.read_total()


def test_summed_counters_never_decrease_while_workers_come_and_go(tmp_path: Path) -> None:
    is_over, looked = Event(), [0.0]

    def look() -> None:
        worker_counters = WorkerCounters(tmp_path, "reader")
        while not is_over.is_set():
            looked.append(worker_counters.read_total().counts.get(REQUESTS, 0.0))

    reader = Thread(target=look)
    reader.start()
    for generation in range(60):
        pair = [WorkerCounters(tmp_path, f"{generation}-{n}") for n in range(2)]
        for requests in range(1, 6):
            for worker_counters in pair:
                worker_counters.publish(build_counters(requests))
        for n in range(2):
            fold_exited(tmp_path, f"{generation}-{n}")
    is_over.set()
    reader.join()
    assert looked == sorted(looked)
    assert WorkerCounters(tmp_path, "x").read_total().counts[REQUESTS] == 60 * 2 * 5


def test_sum_of_no_counters_is_empty() -> None:
    assert sum_counters([]) == NO_COUNTERS
