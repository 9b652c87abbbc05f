"""Progress lines: what a job writes is what its reader parses."""

import pytest

from bookcore.kit.progress import CrawlProgress, CrawlSummary, parse_crawl_line, write_line

_PROGRESS = CrawlProgress(pages=3, books=2, queued=9, failed=0, total_books=None, seconds=0.5)
_SUMMARY = CrawlSummary(
    run="r", pages=3, books=2, published=1, unchanged=1, failed=0, seconds=0.5, resumed=False, limited=False
)


@pytest.mark.parametrize("line", [_PROGRESS, _SUMMARY])
def test_written_line_is_parsed_back(
    line: CrawlProgress | CrawlSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    write_line(line)
    assert parse_crawl_line(capsys.readouterr().out) == line


def test_unknown_field_of_a_newer_job_is_ignored() -> None:
    assert parse_crawl_line(_PROGRESS.model_dump_json()[:-1] + ',"new": 1}') == _PROGRESS


def test_any_other_line_is_refused() -> None:
    with pytest.raises(ValueError, match="event"):
        parse_crawl_line('{"event": "other"}')
