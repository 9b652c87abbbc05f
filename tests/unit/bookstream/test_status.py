"""`bookstream status` names the sources that the ingestor has paused."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from bookcore.catalogue import open_catalogue
from bookcore.event_log import open_event_log
from bookcore.events.crawl import RunOutcome
from bookcore.lake.pauses import record_pause
from bookcore.search import open_search_index
from bookcore.testing.builders import EPOCH
from bookcore.testing.contracts.catalogue_runs import make_report, record
from bookstream.commands.status import print_status
from bookstream.settings import load_settings
from bookstream.stores import open_stores


def test_a_paused_source_and_the_last_run_of_each_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(tmp_path)
    open_search_index(settings.search_url, writable=True).close()
    open_event_log(settings.event_log_url).close()
    with open_stores(settings) as stores:
        record_pause(stores.lake, "bad_shop", at=EPOCH, is_paused=True)
    with closing(open_catalogue(settings.catalogue_url)) as catalogue:
        record(catalogue, make_report("r1", outcome=RunOutcome.COMPLETE, books=8))
    print_status(data=tmp_path)
    shown = capsys.readouterr().out
    assert "paused                   bad_shop   (most of its records are rejected" in shown
    assert "UTC complete, 8 books)" in shown
    print_status(data=tmp_path, as_json=True)
    assert json.loads(capsys.readouterr().out)["paused"] == ["bad_shop"]
