"""The whole real site through Kafka, S3, PostgreSQL, Elasticsearch and Valkey."""

import json
from pathlib import Path

import pytest
from tests.e2e.laptop import Laptop
from tests.e2e.mirror import FIELDS, read_table, to_row, unpack_site
from tests.e2e.sites import serve_folder
from tests.integration.platform import Addresses
from tests.promises import carries


@carries("same-on-servers")
def test_the_real_site_equals_the_table_and_the_embedded_run(
    addresses: Addresses, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers, embedded = addresses.laptop(tmp_path / "servers"), Laptop(tmp_path / "embedded")
    with serve_folder(unpack_site(shared_data, tmp_path / "site")) as url:
        for laptop in (embedded, servers):
            done = laptop.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=url)
            assert done.code == 0, done.err
            assert (done.read_number("pages"), done.read_number("books"), done.read_number("changes")) == (
                1_181,
                1_000,
                1_000,
            )
    with servers.serve() as served:
        lines = served.get("/v1/books/export?format=jsonl").splitlines()
    found = {str(row["upc"]): row for row in (to_row(json.loads(line)) for line in lines)}
    truth = read_table(shared_data)
    wrong = [(upc, name) for upc, row in truth.items() for name in FIELDS if found[upc][name] != row[name]]
    with capsys.disabled():
        print(f"\n{len(found)} of {len(truth)} books, {len(FIELDS)} fields, {len(wrong)} differences")
        print(servers.audit())
    assert wrong == []
    assert servers.read_state() == embedded.read_state()
    assert servers.audit().is_sound


def test_a_replay_beside_the_running_services_ends_in_the_same_hash(
    addresses: Addresses, shared_data: Path, tmp_path: Path
) -> None:
    laptop = addresses.laptop(tmp_path / "servers")
    with serve_folder(unpack_site(shared_data, tmp_path / "site")) as url, laptop.run_ingestor():
        crawl = laptop.run_module(
            "scraper", "crawl", "books_toscrape", "--url", url, BOOKSTREAM_SCRAPER_MAX_PAGES="150"
        )
        assert crawl.code == 0, crawl.err
        replayed = laptop.run("replay", "--swap")  # the ingestor is at work
        assert "equal" in replayed.out, replayed.err
        laptop.wait_until_settled()
        before = laptop.read_state()
        assert laptop.audit().is_sound
        again = laptop.run("replay", "--swap")
        assert "equal" in again.out, again.err
    assert laptop.read_state() == before
    assert laptop.audit().is_sound
