"""What databases, search engines and groups do to those who use them, and what odd data does."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

import pytest
from elasticsearch import Elasticsearch
from sqlalchemy import Connection, text
from tests.e2e.laptop import WITHIN
from tests.faults.conftest import BOOKS, EVENTS, Trial
from tests.faults.load import Publisher, build_story

from bookcore.catalogue import open_catalogue
from bookcore.domain.book import Rating
from bookcore.event_log import open_event_log
from bookcore.events.book import BookState
from bookcore.events.codec import encode
from bookcore.events.message import Message
from bookcore.events.topics import OBSERVED, STATE
from bookcore.search.elasticsearch.connection import parse_address
from bookcore.testing.builders import make_versioned_book
from ingestor.catalogue import GROUP

JOINING = 60.0  # seconds
_FAIL_SOMETIMES = """
CREATE SEQUENCE mishaps;
CREATE FUNCTION mishap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('mishaps') % 3 <> 0 THEN
    RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER mishap BEFORE INSERT ON manifest FOR EACH ROW EXECUTE FUNCTION mishap();
"""


@contextmanager
def session(trial: Trial) -> Iterator[Connection]:
    """A transaction beside the ingestor's."""
    catalogue = open_catalogue(trial.laptop.settings.catalogue_url)
    with catalogue.begin_write() as connection:
        yield connection
    catalogue.close()


def test_ingest_survives_serialization_failures(trial: Trial) -> None:
    def strike() -> None:
        with session(trial) as connection:
            connection.execute(text(_FAIL_SOMETIMES))

    trial.endure(strike)
    with session(trial) as connection:
        tries = connection.execute(text("SELECT last_value FROM mishaps")).scalar_one()
        batches = connection.execute(text("SELECT count(*) FROM manifest")).scalar_one()
    assert tries > batches


def test_ingest_survives_a_deadlock(trial: Trial) -> None:
    """PostgreSQL ends one of the two; whichever it is, the ingestor goes on."""

    def strike() -> None:
        for _ in range(3):
            try:
                with session(trial) as connection:
                    connection.execute(text("SELECT id FROM books FOR UPDATE"))
                    Event().wait(0.5)  # the ingestor takes its offset meanwhile
                    connection.execute(text("SELECT next FROM offsets FOR UPDATE"))
            except Exception as error:  # noqa: BLE001 - this one may be the victim
                trial.tell(f"the rival ended: {str(error)[:60]}")

    trial.endure(strike)


def test_ingest_survives_rejected_bulk_items(trial: Trial) -> None:
    address = parse_address(trial.laptop.settings.search_url)

    def block(*, closed: bool | None) -> None:
        with Elasticsearch(f"http://{address.host}:{address.port}") as server:
            settings = {"index.blocks.read_only_allow_delete": closed}
            server.indices.put_settings(index=address.alias, settings=settings)

    def strike() -> None:
        block(closed=True)
        Event().wait(10)
        block(closed=None)

    trial.endure(strike)


def test_ingest_survives_repeated_rebalances(trial: Trial) -> None:
    """A rival who takes partitions and does nothing with them."""
    stop = Event()

    def come_and_go() -> None:
        url = trial.laptop.settings.event_log_url.partition("&member=")[0]
        while not stop.is_set():
            log = open_event_log(url)
            rival = log.create_consumer(GROUP, [OBSERVED.name])
            until = time.monotonic() + 2
            while time.monotonic() < until:
                rival.poll(limit=10, timeout=0.2)
            rival.close()
            log.close()

    coming = Thread(target=come_and_go)

    def strike() -> None:
        coming.start()
        Event().wait(JOINING)
        stop.set()
        coming.join()

    trial.endure(strike)


def test_duplicate_and_reordered_events_have_no_effect(trial: Trial) -> None:
    shuffled = random.Random(11)
    events = build_story(BOOKS)
    shuffled.shuffle(events)

    def thrice(messages: list[Message]) -> list[Message]:
        return shuffled.sample(messages * 3, 3 * len(messages))

    with trial.laptop.run_ingestor():
        Publisher(trial.laptop, events, distort=thrice).start().finish()
        trial.laptop.wait_until_settled()
    trial.check()


def test_invalid_events_become_dead_letters(trial: Trial) -> None:
    poison = [
        Message("load:x", b"\xff\xfe not JSON", (("ce_type", OBSERVED.events[0].type.encode()),)),
        Message("load:y", b"{}", (("ce_type", b"books.book.observed.v9"),)),
        Message("load:z", None),
    ]
    made = iter(range(10**6))

    def poisoned(messages: list[Message]) -> list[Message]:
        return [*messages, poison[n % 3]] if (n := next(made)) % 5 == 0 else messages

    with trial.laptop.run_ingestor() as ingestor:
        Publisher(trial.laptop, build_story(BOOKS), distort=poisoned).start().finish()
        trial.laptop.wait_until_settled()
        assert ingestor.poll() is None
    parked = trial.laptop.run("dlq", "list")
    assert f"{len(range(0, EVENTS // 20, 5))} dead letters" in parked.out
    trial.check()


def test_document_that_elasticsearch_cannot_map_becomes_a_dead_letter(trial: Trial) -> None:
    """A rating that its field can't hold: that state alone is parked, with the server's reason."""
    stored = make_versioned_book("unmappable")
    state = BookState.from_stored(replace(stored, book=replace(stored.book, rating=Rating(1_000))))

    def strike() -> None:
        log = open_event_log(trial.laptop.settings.event_log_url)
        log.append(STATE.name, [encode(state, source="test")])
        log.close()

    trial.endure(strike)
    listed = trial.laptop.run("dlq", "list").out
    assert "1 dead letters" in listed
    assert "[rating]" in listed


def test_new_catalogue_and_index_are_filled_from_offset_0(trial: Trial) -> None:
    Publisher(trial.laptop, build_story(BOOKS)).start().finish()
    trial.laptop.ingest()
    trial.check()
    before = trial.laptop.environment
    fresh = {
        "BOOKSTREAM_CATALOGUE_URL": f"{before['BOOKSTREAM_CATALOGUE_URL']}_again",
        "BOOKSTREAM_SEARCH_URL": f"{before['BOOKSTREAM_SEARCH_URL']}-again",
    }
    again = replace(trial.laptop, environment={**before, **fresh})
    assert again.run_module("ingestor", "migrate").code == 0
    deadline, pause = time.monotonic() + WITHIN, Event()
    with again.run_ingestor():  # the groups were at the end: only the new stores can tell when all is there
        while again.read_state() != trial.undisturbed:
            assert time.monotonic() < deadline
            pause.wait(0.2)
    trial.tell("the same state from offset 0")


@pytest.mark.parametrize("seconds", [7_200, -7_200])
def test_publishers_with_clocks_two_hours_apart_converge(seconds: int, trial: Trial) -> None:
    """Versions come from the publisher's clock: whoever is ahead wins until the others have caught up."""
    events = [
        event.model_copy(
            update={
                "observed_at": event.observed_at.__class__.fromtimestamp(
                    event.observed_at.timestamp() + (seconds if n % 2 else 0), event.observed_at.tzinfo
                )
            }
        )
        for n, event in enumerate(build_story(BOOKS))
    ]
    with trial.laptop.run_ingestor():
        Publisher(trial.laptop, events).start().finish()
        trial.laptop.wait_until_settled()
    audit = trial.laptop.audit()
    trial.tell(str(audit))
    assert (audit.acked, audit.lost, audit.dup_effects) == (EVENTS, 0, 0)
