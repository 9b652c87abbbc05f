"""An import is a run of its source, in the history like a crawl."""

from pathlib import Path

from tests.unit.bookstream.test_import import MAPPING, TABLE, run_import

from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.crawl import RunKind, RunOutcome, RunReported
from bookcore.events.topics import RUN
from bookstream.topics import read_topic


def import_table(folder: Path, content: str) -> list[RunReported]:
    """What was reported of its import."""
    (folder / "mapping.toml").write_text(MAPPING)
    (folder / "books.csv").write_text(content)
    run_import(folder / "books.csv")
    log = open_event_log(f"sqlite://{folder}/data/log.db")
    found = [decode(record).event for record in read_topic(log, RUN.name)]
    log.close()
    return [event for event in found if isinstance(event, RunReported)]


def test_import_reports_its_begin_and_its_end(tmp_path: Path) -> None:
    first, *_, last = import_table(tmp_path, TABLE)
    assert (first.outcome, last.outcome, last.kind) == (
        RunOutcome.RUNNING,
        RunOutcome.COMPLETE,
        RunKind.IMPORT,
    )
    assert (last.source, last.run == first.run, last.started_at <= last.reported_at) == (
        "my_shop",
        True,
        True,
    )
    assert last.books > 0
    assert last.refused > 0
    assert last.remarks > 0


def test_import_that_ends_early_says_why(tmp_path: Path) -> None:
    *_, last = import_table(tmp_path, "Name,Price\nThe Lamp,9.90\n")
    assert last.outcome is RunOutcome.STOPPED
    assert last.reason is not None
    assert "column" in last.reason
