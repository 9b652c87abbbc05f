"""What somebody sees who starts Bookstream for the first time, and what happens when things go wrong."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import psutil
import pytest
from tests.e2e.laptop import WITHIN, FinishedProcess, Laptop, RunningGateway, wait_for_invitation
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.promises import carries

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody answers there


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """A laptop; see `first_demo`."""
    return Laptop(tmp_path_factory.mktemp("used"))


@pytest.fixture(scope="module", autouse=True)
def first_demo(used: Laptop) -> FinishedProcess:
    """The demo ran once on the laptop, without a network."""
    done = used.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=NOWHERE)
    assert done.code == 0, done.err
    return done


@carries("offline")
def test_demo_without_the_site_crawls_the_sample_shop(first_demo: FinishedProcess) -> None:
    first, last, model = first_demo.out.splitlines()
    assert first.startswith(f"cannot reach {NOWHERE}")
    assert first.endswith("crawling the bundled sample shop instead")
    assert "60 books · 60 changes · 0 parked" in last
    assert model.startswith("price-sample_shop-gbp version 1 is refused: ")


class TestRunningBookstream:
    """One start for all that only looks at it; the last test kills a service of it."""

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, used: Laptop) -> Iterator[RunningGateway]:
        with used.serve() as served:
            yield served

    @carries("pasteable")
    @pytest.mark.skipif(
        not shutil.which("curl"), reason="curl is not installed, so its lines can't be pasted"
    )
    def test_printed_curl_lines_work(self, served: RunningGateway) -> None:
        answers = [
            subprocess.run(
                ["/bin/sh", "-c", line.replace("curl ", "curl -s ", 1)], capture_output=True, check=True
            )
            for line in served.list_curl_lines
        ]
        books, search, statistics = [json.loads(answer.stdout) for answer in answers]
        assert len(books["items"]) == 3
        assert search["total"] > 0
        assert statistics["overall"][0]["books"] == 60

    @carries("token-needed")
    def test_everything_but_sign_in_health_and_docs_needs_a_token(self, served: RunningGateway) -> None:
        public = ["/health/live", "/health/ready", "/docs", "/openapi.json", "/.well-known/jwks.json"]
        closed = ["/v1/books", "/v1/books/export", "/v1/search?q=a", "/v1/users/me", "/v1/users"]
        codes = [without_token(served.base + path) for path in (*public, *closed)]
        assert codes == [200] * 5 + [401] * 5

    def test_processes_list_where_prometheus_finds_their_metrics(
        self, used: Laptop, served: RunningGateway
    ) -> None:
        listed = json.loads((used.data / "metrics-targets.json").read_text())
        targets = {each["labels"]["job"]: each["targets"][0] for each in listed}
        assert targets.keys() == {"gateway", "books-api", "search-api", "ml-api", "ingestor"}
        assert f"http://{targets['gateway']}" == served.base
        for job, target in targets.items():
            with urllib.request.urlopen(f"http://{target}/metrics", timeout=WITHIN) as answer:
                assert f'process="{job}"'.encode() in answer.read()

    def test_second_bookstream_on_the_same_data_is_refused(
        self, used: Laptop, served: RunningGateway
    ) -> None:
        done = used.run("up", "--port", "0")
        assert done.code == 1
        assert "another bookstream runs on" in done.err
        assert served.get_json("/v1/categories")

    def test_killed_service_is_started_again_while_the_others_serve(self, served: RunningGateway) -> None:
        children = psutil.Process(served.process.pid).children()
        books_api = next(child for child in children if "books_api" in child.cmdline())
        books_api.kill()
        assert served.get_json("/v1/search?q=the")
        for _ in range(int(WITHIN / 0.1)):
            with suppress(urllib.error.HTTPError):
                assert served.get_json("/v1/categories")
                return
            Event().wait(0.1)
        pytest.fail("books-api was not started again")


@carries("clean-stop")
def test_second_start_uses_the_existing_data_and_prints_the_same_key(used: Laptop) -> None:
    with used.serve() as served:
        first = served.token
        assert used.run("key").out.strip() == first
        assert used.run("token").out.count(".") == 2
    with used.serve() as served:
        assert served.token == first
        figures = served.get_json("/v1/statistics")["overall"]
    assert used.run("key").err.startswith("bookstream: no gateway runs on")
    assert isinstance(figures, list)
    assert figures[0]["books"] == 60
    assert not [p for p in psutil.process_iter() if _uses(p, used.data)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["crawl", "nope"], "no source 'nope'; there are books_toscrape, sample_shop"),
        (["reextract", "nope"], "no source 'nope'; there are books_toscrape, sample_shop"),
        (["crawl", "--url", "notaurl"], "'notaurl' is no address of a page"),
        (["export", "--output", "/nope/x"], "bookstream: cannot write /nope/x (No such file or directory)"),
    ],
)
def test_wrong_argument_is_reported_in_the_callers_words(
    used: Laptop, words: list[str], expected: str
) -> None:
    done = used.run(*words)
    assert done.code != 0
    assert expected in done.err.strip().splitlines()[-1]


def test_failed_start_leaves_no_data_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert Laptop(tmp_path / "new").run("up", "--port", str(port)).code == 1
    assert not (tmp_path / "new").exists()


def test_second_crawl_of_the_sample_shop_publishes_nothing(used: Laptop) -> None:
    again = used.run("demo", "--once", "--port", "0", BOOKSTREAM_TOSCRAPE_URL=NOWHERE)
    assert (again.code, again.read_number("changes")) == (0, 0)


@pytest.mark.parametrize("verb", ["status", "audit", "export", "topics", "replay", "drill"])
def test_commands_on_an_empty_folder_report_it_and_create_nothing(verb: str, tmp_path: Path) -> None:
    done = Laptop(tmp_path / "nowhere").run(verb)
    assert (done.code, "there is no data in" in done.err) == (1, True)
    assert not (tmp_path / "nowhere").exists()


def test_killed_crawl_ends_its_scraper_and_can_be_resumed(tmp_path: Path) -> None:
    with run_sample_shop("--books", "1000") as shop:
        words = ["crawl", "sample_shop", "--url", shop.url, "--data", str(tmp_path)]
        command = [sys.executable, "-m", "bookstream", *words]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        assert child.stderr.readline().startswith("crawling")
        scrapers = psutil.Process(child.pid).children()
        child.kill()
        child.communicate()
        assert len(scrapers) == 1
        assert psutil.wait_procs(scrapers, timeout=WITHIN)[1] == []
        assert Laptop(tmp_path).run(*words[:4]).read_number("books") == 1_000


def test_killed_bookstream_leaves_no_process_and_starts_again(used: Laptop) -> None:
    environment = {**os.environ, "BOOKSTREAM_DATA": str(used.data)}
    command = [sys.executable, "-m", "bookstream", "up", "--port", "0"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for_invitation(child)
    services = psutil.Process(child.pid).children()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert len(services) == 5
    assert psutil.wait_procs(services, timeout=WITHIN)[1] == []
    with used.serve() as served:
        assert served.get_json("/v1/categories")


def test_port_in_use_is_reported_in_one_line_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = Laptop(tmp_path).run("demo", "--once", "--port", str(port))
    assert (done.code, done.err) == (1, f"bookstream: port {port} is in use; choose another with --port\n")


def test_status_topics_audit_and_export_describe_the_data(used: Laptop, tmp_path: Path) -> None:
    status = json.loads(used.run("status", "--json").out)
    assert (status["books"], status["documents"], status["settled"]) == (60, 60, True)
    assert used.run("audit").out.startswith("acked=60 lake=60 catalogue=60 search=60 parked=0 lost=0")
    assert "books.book.observed.v1" in used.run("topics").out
    used.run("export", "--format", "csv", "--output", str(tmp_path / "books.csv"))
    assert len((tmp_path / "books.csv").read_text().splitlines()) > 60


def test_audit_finds_lost_events(used: Laptop, tmp_path: Path) -> None:
    copy = Laptop(tmp_path / "copy")
    subprocess.run(["cp", "-r", str(used.data), str(copy.data)], check=True)
    for batch in copy.data.glob("lake/events/**/p-00001-*.zst"):
        batch.unlink()
    done = copy.run("audit")
    assert done.code == 1
    assert "lost=0" not in done.out


@pytest.fixture
def bad_shop() -> Iterator[SampleShop]:
    """200 books; a few of their pages are wrong in every way we know."""
    with run_sample_shop("--books", "200") as shop:
        kinds = [
            "broken",
            "missing-price",
            "bad-price",
            "nan-price",
            "wrong-charset",
            "redirect-private",
            "huge",
        ]
        for kind, book in zip(kinds, shop.read_truth(), strict=False):
            shop.inject_fault(kind, 1.0, path_prefix="/" + str(book["url"]).removeprefix(shop.url))
        shop.inject_fault("429", 0.02, count=5)
        shop.inject_fault("500", 0.02, count=5)
        yield shop


@carries("parked")
def test_bad_pages_are_rejected_or_failed_by_name_and_the_rest_is_ingested(
    bad_shop: SampleShop, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path)
    done = laptop.run("crawl", "sample_shop", "--url", bad_shop.url)
    assert done.code == 0, done.err
    assert done.read_number("failed") == 3  # cut off, redirected to a private address, and a page of 50 MB
    complaints = (tmp_path / "logs" / "scraper.log").read_text()
    assert "10.0.0.1" in complaints
    laptop.ingest()
    found = laptop.audit()
    assert (found.parked, found.lost, found.dup_effects) == (4, 0, 0)
    assert found.catalogue == 193


def without_token(url: str) -> int:
    """The status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=WITHIN) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def _uses(process: psutil.Process, data: Path) -> bool:
    try:
        return process.environ().get("BOOKSTREAM_DATA") == str(data.absolute())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
