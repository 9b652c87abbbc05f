from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest

from bookcore.event_log import EventLog, Position, open_event_log
from bookcore.events.message import Message
from bookcore.events.topics import CHANGED
from gateway.cache.change_listener import ChangeListener, build_group_name

POD = "gateway-" + "x" * 230 + "-5d9c7b6f4-abcde"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    yield log
    log.close()


def listen(log: EventLog, instance: str) -> None:
    """Runs a listener until it has purged for a change."""
    started, purged = Event(), Event()

    def on_change(tags: Sequence[str]) -> None:
        (purged if started.is_set() else started).set()

    listener = ChangeListener(log, instance=instance, on_change=on_change)
    listener.start()
    assert started.wait(30)
    log.append(CHANGED.name, [Message("shop:1", b"{}")])
    assert purged.wait(30)
    listener.stop()


def read_committed(log: EventLog, instance: str) -> int:
    return sum(p.committed for p in log.read_progress(CHANGED.name, build_group_name(instance)))


@pytest.mark.parametrize("instance", ["gateway-7f6b-x2x4z", POD])
def test_group_of_an_instance_is_deleted_at_a_clean_stop(log: EventLog, instance: str) -> None:
    listen(log, instance)
    assert read_committed(log, instance) == 0


def test_group_without_an_instance_keeps_its_offsets(log: EventLog) -> None:
    listen(log, "")
    assert read_committed(log, "") == 1


def test_group_of_an_instance_stays_while_another_worker_listens(log: EventLog) -> None:
    other = log.create_consumer(build_group_name("pod"), [CHANGED.name])
    log.append(CHANGED.name, [Message("shop:1", b"{}")])
    (record,) = other.poll(limit=1, timeout=10)
    other.commit([Position(record.topic, record.partition, record.offset + 1)])
    started = Event()
    listener = ChangeListener(log, instance="pod", on_change=lambda tags: started.set())
    listener.start()
    assert started.wait(30)
    listener.stop()
    assert read_committed(log, "pod") == 1
    other.close()


def test_long_instance_names_get_short_and_different_groups() -> None:
    one, two = build_group_name(POD), build_group_name(POD[:-1] + "f")
    assert one != two
    assert one.startswith("gateway.purge.gateway-xxx")
    assert max(len(one), len(two)) <= 100
    assert build_group_name("gateway-7f6b-x2x4z") == "gateway.purge.gateway-7f6b-x2x4z"
