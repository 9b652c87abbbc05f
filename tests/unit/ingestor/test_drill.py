"""A restore drill on embedded stores: equal, damaged, incomplete, different, and told by the ingestor."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.ingestor.test_sinks import Stores, in_log, stores

from bookcore.domain.errors import Conflict, Invalid
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.codec import encode
from bookcore.events.topics import OBSERVED
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.settings import read_settings
from bookcore.lake.layout import DRILLS, make_topic_prefix, pack_records, unpack_records
from bookcore.testing.builders import make_book, make_observation
from ingestor.__main__ import main
from ingestor.catalogue import CatalogueSink
from ingestor.drill import run_drill
from ingestor.drill_record import DrillRecord
from ingestor.settings import Settings

__all__ = ["stores"]
_METRICS = (
    "ingestor_drill_timestamp_seconds",
    "ingestor_drill_recovery_seconds",
    "ingestor_drill_event_age_seconds",
)


@pytest.fixture
def settings(tmp_path: Path, stores: Stores) -> Settings:
    """Of stores with 40 books in batches of five."""
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    seen = [encode(make_observation(make_book(f"u{number}")), source="test") for number in range(40)]
    for batch in in_log(stores.log, OBSERVED.name, seen):
        for first in range(0, len(batch.records), 5):
            sink.handle(replace(batch, records=batch.records[first : first + 5]))
    return read_settings(Settings, data=tmp_path)


def list_batch_files(settings: Settings, partition: int = 0) -> list[Path]:
    """The archived batches of a partition, in order."""
    folder = Path(settings.lake_url.removeprefix("file://")) / make_topic_prefix(OBSERVED.name)
    return sorted(folder.rglob(f"p-{partition:05d}-*"))


def read(metrics: ProcessMetrics) -> list[float | None]:
    return [metrics.registry.get_sample_value(name) for name in _METRICS]


def test_a_restore_equals_the_live_catalogue_and_leaves_nothing_but_its_record(
    settings: Settings, stores: Stores, tmp_path: Path
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    report = run_drill(settings)
    assert report.is_equal
    assert (report.records, report.books, report.documents) == (40, 40, 40)
    assert report.rto_seconds > 0
    assert report.rpo_seconds is not None
    assert 0 <= report.rpo_seconds < 60
    assert {path.name for path in tmp_path.iterdir()} == before
    assert len(list(stores.lake.list(DRILLS))) == 1


def test_the_ingestor_tells_the_last_drill_that_ended_equal(settings: Settings, stores: Stores) -> None:
    metrics = ProcessMetrics("ingestor")
    record = DrillRecord(stores.lake, metrics)
    record.read()
    assert read(metrics) == [0, 0, 0]
    run_drill(settings)
    last = run_drill(settings)
    record.read()
    told = read(metrics)
    assert told[1:] == [last.rto_seconds, last.rpo_seconds]


def test_a_damaged_object_is_named(settings: Settings, stores: Stores) -> None:
    damaged = list_batch_files(settings)[1]
    body = bytearray(damaged.read_bytes())
    body[len(body) // 2] ^= 0xFF
    damaged.write_bytes(body)
    with pytest.raises(Invalid, match=rf"{damaged.name}: the lake object is damaged"):
        run_drill(settings)
    assert list(stores.lake.list(DRILLS)) == []


@pytest.mark.parametrize("which", [0, 1, -1], ids=["first", "middle", "last"])
def test_offsets_that_the_lake_lacks_are_named(settings: Settings, which: int) -> None:
    lost = list_batch_files(settings)
    lost[which].unlink()
    with pytest.raises(Conflict, match=r"the lake lacks (offsets \d+ to \d+ of books|batches)"):
        run_drill(settings)


def test_a_book_whose_event_the_lake_lost_is_named(settings: Settings, stores: Stores) -> None:
    shortened = list_batch_files(settings)[0]
    records = unpack_records(shortened.read_bytes())
    lost = records.pop(1)
    shortened.write_bytes(pack_records(records))
    report = run_drill(settings)
    assert not report.is_equal
    assert report.differences == (
        f"{lost.key} is in the live catalogue and not in the lake",
        "1 books differ",
    )
    assert list(stores.lake.list(DRILLS)) == []


def test_the_command_prints_text_or_json_and_fails_when_they_differ(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKSTREAM_DATA", str(settings.data))
    assert main(["drill", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["equal"], told["books"], told["differences"]) == (True, 40, [])
    assert main(["drill"]) == 0
    assert "restored 40 books and 40 documents from 40 events" in capsys.readouterr().out
    shortened = list_batch_files(settings)[0]
    shortened.write_bytes(pack_records(unpack_records(shortened.read_bytes())[1:]))
    assert main(["drill"]) == 1


def test_a_drill_leaves_the_catalogue_that_a_swap_replaced(settings: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "catalogue-before.db"
    kept.write_bytes(b"kept")
    run_drill(settings)
    assert kept.read_bytes() == b"kept"
