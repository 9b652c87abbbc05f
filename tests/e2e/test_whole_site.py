"""The whole real site, crawled three times through every part, read back through the gateway."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.laptop import FinishedProcess, Laptop
from tests.e2e.mirror import FIELDS, Row, read_table, to_row, unpack_site
from tests.e2e.sites import serve_folder
from tests.promises import carries

from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import decode
from bookcore.events.topics import CHANGED
from bookstream.topics import read_topic

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_site(shared_data, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return Laptop(tmp_path_factory.mktemp("laptop"))


@pytest.fixture(scope="module")
def crawls(site: Path, laptop: Laptop) -> Iterator[list[FinishedProcess]]:
    """First, again, and after 37 product pages have changed."""
    with serve_folder(site) as url:
        done = [laptop.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=url) for _ in range(2)]
        change_pages(site, 37)
        done.append(laptop.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=url))
    assert [crawl.code for crawl in done] == [0, 0, 0], [crawl.err for crawl in done]
    yield done
    shutil.rmtree(laptop.data)


def change_pages(site: Path, count: int) -> None:
    """Another price on every second page, another stock on the others."""
    pages = sorted(site.glob("catalogue/*_*/index.html"))[:count]
    for number, page in enumerate(pages):
        text = page.read_text()
        if number % 2:
            text = re.sub(r"\((\d+) available\)", "(99 available)", text)
        else:
            own, others = text.split("</article><!-- End of product page -->", 1)
            own = re.sub(r"£\d+\.\d\d(?=</(?:p|td)>)", "£99.99", own).replace("£99.99</td>", "£99.99</td>", 1)
            text = own.replace("<th>Tax</th><td>£99.99", "<th>Tax</th><td>£0.00")
            text += "</article><!-- End of product page -->" + others
        page.write_text(text)


@carries("whole-site")
def test_all_books_of_the_real_site_equal_the_table_in_twelve_fields(
    crawls: list[FinishedProcess], laptop: Laptop, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        crawls[0].read_number("pages"),
        crawls[0].read_number("books"),
        crawls[0].read_number("parked"),
    ) == (
        1_181,
        1_000,
        0,
    )
    truth = read_table(shared_data)
    with laptop.serve() as served:
        lines = served.get("/v1/books/export?format=jsonl").splitlines()
    found = {str(row["upc"]): row for row in (to_row(json.loads(line)) for line in lines)}
    changed = {str(c.book_id).partition(":")[2] for c in changes(laptop) if c.kind is ChangeKind.UPDATED}
    assert len(changed) == 37
    wrong = [
        (upc, n)
        for upc, row in truth.items()
        if upc not in changed
        for n in FIELDS
        if found[upc][n] != row[n]
    ]
    before = {upc: row for upc, row in first_seen(laptop).items() if upc in changed}
    with capsys.disabled():
        print(f"\n{len(found)} of {len(truth)} books, {len(FIELDS)} fields, {len(wrong)} differences")
    assert (found.keys(), wrong) == (truth.keys(), [])
    assert before == {upc: truth[upc] for upc in changed}


@carries("unchanged-silent")
def test_second_crawl_makes_no_change_and_a_third_exactly_those_of_the_pages_that_changed(
    crawls: list[FinishedProcess], laptop: Laptop
) -> None:
    assert [crawl.read_number("changes") for crawl in crawls] == [1_000, 0, 37]
    updates = [change for change in changes(laptop) if change.kind is ChangeKind.UPDATED]
    fields = sorted({f.field for update in updates for f in update.changes})
    assert fields == ["attributes", "availability", "price"]
    assert all(f.before != f.after for update in updates for f in update.changes)
    assert str(laptop.audit()) == (
        "acked=1037 lake=1037 catalogue=1037 search=1037 parked=0 lost=0 dup_effects=0"
    )


def test_readme_shows_what_is_printed(crawls: list[FinishedProcess], laptop: Laptop) -> None:
    shown = (ROOT / "README.md").read_text().split("$ make run\n")[1].split("\n```")[0]
    with laptop.serve() as served:
        endpoints, last = served.invitation.split("\n\nCtrl-C")
    printed = f"{crawls[0].err.splitlines()[0]}\n{endpoints}\n\n{crawls[0].out}\nCtrl-C{last}"
    assert without_what_varies(shown) == without_what_varies(printed)


def without_what_varies(text: str) -> str:
    """Ports, tokens and seconds are others each time; on another processor a model's figures may be, too."""
    text = re.sub(r"[+-]?[\d.]+%", "N%", re.sub(r"RMSLE [\d.]+ against [\d.]+", "RMSLE N", text))
    text = re.sub(r"Bearer [\w.-]+", "Bearer TOKEN", text)
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", re.sub(r"[\d.]+ s\b", "N s", text)).strip()


def changes(laptop: Laptop) -> list[BookChanged]:
    """Every change event, in order per book."""
    with laptop.open_stores() as stores:
        events = [decode(record).event for record in read_topic(stores.log, CHANGED.name)]
    return [event for event in events if isinstance(event, BookChanged)]


def first_seen(laptop: Laptop) -> dict[str, Row]:
    """The rows as the first crawl's change events tell them."""
    created = [change for change in changes(laptop) if change.kind is ChangeKind.CREATED]
    books = [{f.field: f.after for f in change.changes} for change in created]
    return {str(row["upc"]): row for row in (to_row({"description": None, **book}) for book in books)}
