"""Behaviour of every catalogue: the history of runs and the pauses of sources."""

from dataclasses import replace
from datetime import timedelta

from bookcore.catalogue import Catalogue, open_catalogue, queries, runs
from bookcore.catalogue.beside_the_lake import copy_rows
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.catalogue.runs import RunKey, SourceOverview
from bookcore.events.crawl import RunKind, RunOutcome, RunReported
from bookcore.events.topics import RUN
from bookcore.testing.builders import EPOCH, make_book
from bookcore.testing.contracts.catalogue import ingest, observe


def make_report(
    run: str = "r1", *, minute: int = 0, outcome: RunOutcome = RunOutcome.RUNNING, books: int = 0
) -> RunReported:
    """A report of the shop's run `rN`, which began in hour N, at that minute."""
    started = EPOCH + timedelta(hours=int(run[1:]))
    return RunReported(
        source="shop",
        run=run,
        kind=RunKind.CRAWL,
        outcome=outcome,
        reader="schema_org",
        started_at=started,
        reported_at=started + timedelta(minutes=minute),
        books=books,
    )


def record(catalogue: Catalogue, *reports: RunReported, end: int = 1) -> None:
    """Write reports as read from the topic."""
    with catalogue.begin_write() as connection:
        runs.record_reports(connection, reports, partition=0, end=end)


def read_sources(catalogue: Catalogue) -> dict[str, SourceOverview]:
    """All sources by name."""
    with catalogue.begin_read() as connection:
        return {source.name: source for source in runs.list_sources(connection)}


class CatalogueRunsContract:
    """A subclass provides `catalogue` and its `url`."""

    def test_the_newest_report_of_a_run_is_kept_in_any_order(self, catalogue: Catalogue) -> None:
        early, late = make_report(books=3), make_report(minute=2, books=9)
        record(catalogue, late, early, late)
        assert read_sources(catalogue)["shop"].last_run == late

    def test_a_stopped_run_goes_on_and_a_run_that_has_ended_does_not(self, catalogue: Catalogue) -> None:
        stopped = make_report(minute=1, outcome=RunOutcome.STOPPED)
        resumed = make_report(minute=2)
        record(catalogue, stopped, resumed)
        assert read_sources(catalogue)["shop"].last_run == resumed
        ended = make_report(minute=3, outcome=RunOutcome.COMPLETE)
        record(catalogue, ended, make_report(minute=4))
        assert read_sources(catalogue)["shop"].last_run == ended

    def test_a_source_has_its_last_run_and_its_last_complete_one(self, catalogue: Catalogue) -> None:
        whole = make_report("r1", outcome=RunOutcome.COMPLETE)
        record(catalogue, whole, make_report("r2", outcome=RunOutcome.PARTIAL), make_report("r3"))
        ingest(catalogue, [observe(replace(make_book("u1"), source="other"), version=1)])
        found = read_sources(catalogue)
        assert list(found) == ["other", "shop"]
        assert (found["shop"].last_run, found["shop"].last_complete) == (make_report("r3"), whole)
        assert (found["other"].books, found["other"].last_run, found["shop"].books) == (1, None, 0)

    def test_runs_are_paged_from_the_newest(self, catalogue: Catalogue) -> None:
        record(catalogue, *(make_report(f"r{number}") for number in range(5)))
        pages, after = [], None
        with catalogue.begin_read() as connection:
            while True:
                page, after = runs.list_runs(connection, "shop", after=after, limit=2)
                pages.append([report.run for report in page])
                if after is None:
                    break
            assert runs.list_runs(connection, "other", after=RunKey(EPOCH, "r"), limit=9) == ([], None)
            assert (runs.has_source(connection, "shop"), runs.has_source(connection, "sho")) == (True, False)
        assert pages == [["r4", "r3"], ["r2", "r1"], ["r0"]]

    def test_a_source_is_paused_until_it_goes_on(self, catalogue: Catalogue) -> None:
        for at in (EPOCH, EPOCH, None, EPOCH):
            with catalogue.begin_write() as connection:
                runs.record_pause(connection, "shop", at=at)
        assert read_sources(catalogue)["shop"].paused_at == EPOCH
        with catalogue.begin_write() as connection:
            runs.record_pause(connection, "shop", at=None)
        assert read_sources(catalogue) == {}

    def test_a_rebuilt_catalogue_takes_runs_pauses_and_offsets(self, catalogue: Catalogue, url: str) -> None:
        record(catalogue, make_report(), end=7)
        with catalogue.begin_write() as connection:
            runs.record_pause(connection, "shop", at=EPOCH)
        before, rebuild = read_sources(catalogue), begin_rebuild(url)
        with rebuild.block_writes():
            with catalogue.begin_read() as live, rebuild.catalogue.begin_write() as rebuilt:
                copy_rows(live, rebuilt)
            rebuild.swap()
        rebuild.close()
        swapped = open_catalogue(url)
        assert read_sources(swapped) == before
        with swapped.begin_read() as connection:
            assert queries.get_next_offset(connection, RUN.name, 0) == 7
        swapped.close()
