"""A pause of a source is told by a gauge, in the lake and in the catalogue, until it goes on."""

from pathlib import Path

from bookcore.catalogue import open_catalogue
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from bookcore.lake.pauses import list_paused_sources
from bookcore.testing.contracts.catalogue_runs import read_sources
from ingestor.pauses import PauseBook


def test_paused_sources_are_listed_until_they_go_on(tmp_path: Path) -> None:
    lake, metrics = open_lake(f"file://{tmp_path}/lake"), ProcessMetrics("ingestor")
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    pauses = PauseBook(lake, catalogue, metrics, SystemClock())
    for source in ("shop", "other", "third"):
        pauses.record(source, is_paused=True)
    pauses.record("shop", is_paused=False)
    assert list(list_paused_sources(lake)) == ["other", "third"]
    assert list(read_sources(catalogue)) == ["other", "third"]
    assert 'ingestor_source_paused{source="other"} 1.0' in metrics.render().decode()
    PauseBook(lake, catalogue, metrics, SystemClock()).end_all()
    assert list(list_paused_sources(lake)) == []
    assert read_sources(catalogue) == {}
    catalogue.close()
