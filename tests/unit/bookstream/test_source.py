"""`bookstream source`: from an unknown shop to a source that works."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.scraper.site import Answer, serve
from typer.testing import CliRunner, Result

from bookcore.catalogue import open_catalogue
from bookcore.domain.errors import BookstreamError
from bookcore.events.crawl import RunOutcome
from bookcore.testing.builders import EPOCH
from bookcore.testing.contracts.catalogue_runs import make_report, record
from bookstream.__main__ import create_app
from bookstream.settings import load_settings
from bookstream.stores import prepare_stores


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(create_app(), [*arguments, "--data", str(data)])


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The sample shop's address."""
    command = [sys.executable, "-m", "sample_shop", "serve", "--port", "0", "--books", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield line[line.index("http") :].strip()
        process.terminate()


@pytest.fixture(scope="module")
def data(shop: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the source `harbour`, made of the shop's start page."""
    data = tmp_path_factory.mktemp("data")
    made = run(data, "source", "new", "harbour", shop)
    assert made.exit_code == 0, made.output
    assert "schema_org fits: 1 book(s) at" in made.output
    assert f"pages are found by {shop}sitemap.xml" in made.output
    return data


def test_new_source_has_a_case_that_its_reader_gives(data: Path) -> None:
    case = data / "sources" / "harbour" / "cases" / "first"
    (listing,) = map(json.loads, (case / "expected.jsonl").read_text().splitlines())
    assert listing["url"] == (case / "url.txt").read_text().strip()
    assert listing["printed"]["title"]
    assert b"ld+json" in (case / "input.html").read_bytes()


def test_new_source_is_listed_and_shown(data: Path, shop: str) -> None:
    assert f"harbour             schema_org                    {shop}" in run(data, "source", "list").output
    assert "required        title, price" in run(data, "source", "show", "harbour").output


def test_schedule_and_last_runs_of_a_source_are_shown(data: Path, shop: str) -> None:
    folder = data / "sources" / "hourly"
    folder.mkdir()
    toml = f'reader = "schema_org"\nstart = ["{shop}"]\n[schedule]\nevery = "1h"\n'
    (folder / "source.toml").write_text(toml)
    assert "every 1h · never ran · due now" in run(data, "source", "list").output
    settings = load_settings(data)
    prepare_stores(settings)
    with closing(open_catalogue(settings.catalogue_url)) as catalogue:
        whole = make_report("r1", outcome=RunOutcome.COMPLETE, books=8)
        lost = make_report("r2").model_copy(update={"heard_until": EPOCH})
        record(catalogue, *(each.model_copy(update={"source": "hourly"}) for each in (whole, lost)))
    shown = run(data, "source", "show", "hourly").output
    assert "every 1h · last run 2026-" in shown
    assert "lost, its process has died, 0 books · last complete 2026-" in shown
    assert "complete, 8 books · due " in shown
    shutil.rmtree(folder)


def test_tried_page_prints_fields_and_stores_nothing(data: Path, shop: str) -> None:
    before = sorted(data.rglob("*"))
    tried = run(data, "source", "try", "harbour").output
    assert "  offers          " in tried
    assert "GBP new" in tried
    assert "0 book(s)" in run(data, "source", "try", "harbour", f"{shop}gifts/mug").output
    assert sorted(data.rglob("*")) == before


def test_address_is_crawled_under_a_name(data: Path, shop: str) -> None:
    crawled = run(data, "crawl", shop, "--as", "other")
    assert crawled.exit_code == 0, crawled.output
    assert "8 books · 8 published" in crawled.output
    assert (data / "sources" / "other" / "source.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("source", "new", "harbour", "{shop}"), "there is a source 'harbour' already"),
        (("source", "new", "sample_shop", "{shop}"), "there is a source 'sample_shop' already"),
        (("source", "new", "Bad-Name", "{shop}"), "must be 1 to 40 of a-z"),
        (("source", "new", "away", "http://127.0.0.1:9/"), "no connection to 127.0.0.1:9"),
        (("source", "new", "away", "{shop}nowhere"), "nowhere responds with 404"),
        (("source", "try", "harbor"), "no source 'harbor'; .*; the nearest is 'harbour'"),
        (("source", "try", "sample_shop"), "has page objects, which only a crawl applies"),
    ],
)
def test_refusal_is_one_line(data: Path, shop: str, arguments: tuple[str, ...], complaint: str) -> None:
    refused = run(data, *(argument.format(shop=shop) for argument in arguments))
    assert isinstance(refused.exception, BookstreamError)
    with pytest.raises(BookstreamError, match=complaint):
        raise refused.exception


def test_site_that_forbids_crawlers_is_not_fetched(tmp_path: Path) -> None:
    robots = Answer(b"User-agent: *\nDisallow: /books\n", "text/plain")
    with serve({"/robots.txt": robots, "/books/1": Answer(b"<p>x</p>")}) as url:
        refused = run(tmp_path, "source", "new", "polite", f"{url}books/1")
    assert "robots.txt of the site forbids" in str(refused.exception)


def test_redirect_to_another_host_is_refused(tmp_path: Path) -> None:
    moved = Answer(b"", status=302, headers={"Location": "http://10.0.0.1/"})
    with serve({"/": moved}) as url:
        refused = run(tmp_path, "source", "new", "moved", url)
    assert "http://10.0.0.1/ is outside of" in str(refused.exception)


def test_page_without_a_book_makes_no_source(tmp_path: Path) -> None:
    with serve({"/": Answer(b"<html><body><p>Welcome</p></body></html>")}) as url:
        refused = run(tmp_path, "source", "new", "empty", url)
    assert "no book is found at" in str(refused.exception)
    assert not (tmp_path / "sources").exists()
