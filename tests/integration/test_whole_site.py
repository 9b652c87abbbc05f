"""The whole real site through Kafka, S3, PostgreSQL, Elasticsearch and Valkey."""

import json
from pathlib import Path

import pytest
from tests.e2e.laptop import Laptop
from tests.e2e.mirror import FIELDS, as_row, table, unpack_site
from tests.e2e.sites import folder_site
from tests.integration.platform import Addresses
from tests.promises import carries


@carries("same-on-servers")
def test_the_real_site_equals_the_table_and_the_embedded_run(
    addresses: Addresses, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers, embedded = addresses.laptop(tmp_path / "servers"), Laptop(tmp_path / "embedded")
    with folder_site(unpack_site(shared_data, tmp_path / "site")) as url:
        for laptop in (embedded, servers):
            done = laptop.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=url)
            assert done.code == 0, done.err
            assert (done.number("pages"), done.number("books"), done.number("changes")) == (
                1_181,
                1_000,
                1_000,
            )
    with servers.serving() as served:
        lines = served.get("/v1/books/export?format=jsonl").splitlines()
    found = {str(row["upc"]): row for row in (as_row(json.loads(line)) for line in lines)}
    truth = table(shared_data)
    wrong = [(upc, name) for upc, row in truth.items() for name in FIELDS if found[upc][name] != row[name]]
    with capsys.disabled():
        print(f"\n{len(found)} of {len(truth)} books, {len(FIELDS)} fields, {len(wrong)} differences")
        print(servers.audit())
    assert wrong == []
    assert servers.state() == embedded.state()
    assert servers.audit().is_sound


def test_a_replay_beside_the_running_services_ends_in_the_same_hash(
    addresses: Addresses, shared_data: Path, tmp_path: Path
) -> None:
    laptop = addresses.laptop(tmp_path / "servers")
    with folder_site(unpack_site(shared_data, tmp_path / "site")) as url, laptop.ingesting():
        crawl = laptop.module(
            "scraper", "crawl", "books_toscrape", "--url", url, BOOKSTREAM_SCRAPER_MAX_PAGES="150"
        )
        assert crawl.code == 0, crawl.err
        replayed = laptop.run("replay", "--swap")  # the ingestor is at work
        assert "equal" in replayed.out, replayed.err
        laptop.settle()
        before = laptop.state()
        assert laptop.audit().is_sound
        again = laptop.run("replay", "--swap")
        assert "equal" in again.out, again.err
    assert laptop.state() == before
    assert laptop.audit().is_sound
