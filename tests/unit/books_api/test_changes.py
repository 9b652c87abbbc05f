"""The feed of changes over HTTP, as the ingestor keeps it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.promises import carries
from tests.unit.books_api.test_books_api import as_role

from bookcore.catalogue import Catalogue, open_catalogue
from bookcore.event_log import open_event_log
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.codec import encode
from bookcore.events.message import Batch, Message, Record
from bookcore.events.topics import CHANGED
from bookcore.kit.auth import Role
from bookcore.testing.builders import EPOCH
from bookcore.testing.contracts.catalogue_changes import KINDS, live_through
from books_api.app import create_app
from books_api.settings import Settings
from ingestor.changes import ChangePruner, ChangeSink


class MinuteClock:
    """A clock whose minute a test sets."""

    def __init__(self) -> None:
        self.minute = 0

    def now(self) -> datetime:
        return EPOCH + timedelta(minutes=self.minute)

    def monotonic(self) -> float:
        return self.minute * 60.0


class Feed:
    """The ingestor's side: records the events of a book's life, in the order of its topic."""

    def __init__(self, settings: Settings) -> None:
        self.catalogue: Catalogue = open_catalogue(settings.catalogue_url)
        self.log = open_event_log(settings.event_log_url)
        self.clock = MinuteClock()
        self.messages = [encode(event, source="test") for event in live_through(self.catalogue)]
        self._sink = ChangeSink(self.catalogue, DeadLetterQueue(self.log), self.clock)

    def record(self, messages: Sequence[Message], *, minute: int) -> None:
        self.clock.minute = minute
        records = [
            Record(CHANGED.name, 0, offset, EPOCH, m.key, m.value, m.headers)
            for offset, m in enumerate(messages)
        ]
        self._sink.handle(Batch(CHANGED.name, 0, records))

    def close(self) -> None:
        self.catalogue.close()
        self.log.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of an empty folder."""
    return Settings(data=tmp_path)


@pytest.fixture
def feed(settings: Settings) -> Iterator[Feed]:
    """Nothing is recorded yet."""
    feed = Feed(settings)
    yield feed
    feed.close()


@pytest.fixture
def client(settings: Settings, feed: Feed) -> Iterator[TestClient]:
    """A reader."""
    with TestClient(create_app(settings), headers=as_role(settings, Role.READER)) as client:
        yield client


@carries("no-change-missed")
def test_the_feed_is_read_page_by_page_and_gone_on_with_later(client: TestClient, feed: Feed) -> None:
    feed.record(feed.messages[:4], minute=0)
    first = client.get("/changes?limit=3").json()
    second = client.get("/changes", params={"cursor": first["next"], "limit": 3}).json()
    assert (first["has_more"], second["has_more"]) == (True, False)
    idle = client.get("/changes", params={"cursor": second["next"]}).json()
    assert (idle["items"], idle["has_more"]) == ([], False)
    feed.record(feed.messages, minute=1)
    third = client.get("/changes", params={"cursor": idle["next"]}).json()
    assert [each["kind"] for page in (first, second, third) for each in page["items"]] == KINDS


def test_a_change_has_its_prices_and_an_exact_percent(client: TestClient, feed: Feed) -> None:
    feed.record(feed.messages, minute=0)
    (drop,) = client.get("/changes?kind=price_drop&min_percent=10").json()["items"]
    assert (drop["percent"], drop["before"]["amount"], drop["after"]["amount"]) == (
        "-10.00",
        "20.00",
        "18.00",
    )
    assert drop["recorded_at"] == EPOCH.isoformat().replace("+00:00", "Z")
    (rise,) = client.get("/changes?kind=price_rise").json()["items"]
    assert rise["percent"] == "5.55"
    assert client.get("/changes?kind=price_drop&min_percent=10.01").json()["items"] == []
    assert [each["percent"] for each in client.get("/changes?kind=new,gone").json()["items"]] == [None, None]


def test_a_time_of_the_past_is_a_place_in_the_feed(client: TestClient, feed: Feed) -> None:
    feed.record(feed.messages[:1], minute=0)
    feed.record(feed.messages, minute=5)
    since = (EPOCH + timedelta(minutes=1)).isoformat()
    found = client.get("/changes", params={"since": since}).json()["items"]
    assert [each["kind"] for each in found] == KINDS[1:]


def test_a_place_of_deleted_changes_is_refused_and_never_skipped(client: TestClient, feed: Feed) -> None:
    feed.record(feed.messages[:2], minute=0)
    early = client.get("/changes?limit=1").json()["next"]
    late = client.get("/changes?limit=2").json()["next"]
    feed.record(feed.messages, minute=60)
    ChangePruner(feed.catalogue, feed.clock, timedelta(minutes=30)).prune()
    gone = client.get("/changes", params={"cursor": early})
    assert (gone.status_code, gone.json()["type"]) == (410, "/problems/no-longer-kept")
    assert client.get("/changes", params={"since": EPOCH.isoformat()}).status_code == 410
    kept = client.get("/changes", params={"cursor": late}).json()["items"]
    assert [each["kind"] for each in kept] == KINDS[2:]
    assert client.get("/changes").json()["items"] == kept


def test_what_is_no_change_becomes_a_dead_letter(client: TestClient, feed: Feed) -> None:
    feed.record([Message("shop:x", b"{}", feed.messages[0].headers), *feed.messages], minute=0)
    assert feed.log.read_progress(CHANGED.dead_letter_topic, "g")[0].end == 1
    assert [each["kind"] for each in client.get("/changes").json()["items"]] == KINDS


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("cursor=x", 400),
        ("since=2026-01-01", 422),
        ("since=0.5", 422),
        ("since=2026-01-01T00:00:00", 422),
        ("kind=cheaper", 422),
        ("min_percent=-1", 422),
        ("min_percent=NaN", 422),
        ("min_percent=1.001", 422),
        ("limit=0", 422),
        ("currency=POUND", 422),
        ("price=1", 422),
    ],
)
def test_a_wrong_parameter_of_the_feed_is_refused(client: TestClient, query: str, status: int) -> None:
    answer = client.get(f"/changes?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_cursor_of_another_feed_is_refused(client: TestClient, tmp_path: Path) -> None:
    other = Settings(data=tmp_path / "other", internal_secret=Settings(data=tmp_path).internal_secret)
    with TestClient(create_app(other), headers=as_role(other, Role.READER)) as another:
        cursor = another.get("/changes").json()["next"]
        assert another.get("/changes", params={"cursor": cursor}).status_code == 200
    assert client.get("/changes", params={"cursor": cursor}).status_code == 400
    both = {"cursor": client.get("/changes").json()["next"], "since": EPOCH.isoformat()}
    assert client.get("/changes", params=both).status_code == 422
