"""Predictions outlive the process that made them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from urllib.request import Request, urlopen

import orjson
import pytest
from tests.promises import carries
from tests.unit.bookml.books import make_books, publish_books
from tests.unit.ml_api.conftest import World
from tests.unit.ml_api.test_models import MONTHS, NAME
from tests.unit.ml_api.test_predict import BOOK, ask, wait_for

from bookcore.domain.book import from_version
from bookcore.domain.errors import Unavailable
from bookcore.event_log import open_event_log
from bookcore.events.codec import encode
from bookcore.events.ml import PredictionMade
from bookcore.events.topics import PREDICTED
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.listener import bind
from ml_api.predictions.events import encode_messages
from ml_api.predictions.journal import PredictionJournal
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.predictions.store import PredictionRow, PredictionStore
from ml_api.settings import Settings


def make_row(number: int, *, book: str | None = None) -> PredictionRow:
    return {
        **{"id": f"{number:032x}", "book_id": book, "source": "good", "currency": "GBP", "kind": "model"},
        **{"model": "price-good-gbp", "version": 2, "digest": "d" * 64, "features": "price/1"},
        **{"snapshot": "5" * 64, "variant": "champion", "subject": "5" * 16, "price": "10.00"},
        **{"low": "8.00", "high": "12.50", "coverage": 0.9, "made_at": 1_795_651_200_123_456 + number},
        "milliseconds": 0.25,
    }


@contextmanager
def running(settings: Settings, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    environment = {"BOOKSTREAM_DATA": str(settings.data), "BOOKSTREAM_ML_API_PORT": str(port), **more}
    child = subprocess.Popen([sys.executable, "-m", "ml_api"], env=environment, stderr=subprocess.DEVNULL)
    pause = Event()
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}/health/ready").close()
                break
            except OSError:
                pause.wait(0.05)
        yield child, port
    finally:
        child.kill()
        child.wait()


def predict(port: int, token: str) -> str:
    body = orjson.dumps({"source": "good", "features": BOOK})
    request = Request(f"http://127.0.0.1:{port}/ml/predict", data=body, headers={HEADER: token})
    with urlopen(request) as answer:
        return str(orjson.loads(answer.read())["id"])


@carries("predictions-outlive")
def test_returned_predictions_are_stored_after_a_kill(world: World) -> None:
    tokens = InternalTokens(world.settings.internal_secret.get_secret_value())
    token = tokens.sign(Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER]))
    with running(world.settings) as (child, port):
        told = [predict(port, token) for _ in range(300)]
        child.send_signal(signal.SIGKILL)
        child.wait()
    store = PredictionStore(world.settings.ml_predictions_url)
    lost = [prediction for prediction in told if store.get(prediction) is None]
    assert lost, "nothing was left to the journal, so that this test has shown nothing"
    with world.client() as client:
        pause = Event()
        for _ in range(200):
            if all(store.get(prediction) for prediction in lost):
                break
            pause.wait(0.02)
        assert [p for p in lost if client.get(f"/ml/predictions/{p}").status_code != 200] == []
    log = open_event_log(world.settings.event_log_url)
    records = [r for p in range(PREDICTED.partitions) for r in log.read(PREDICTED.name, p, 0, 1_000)]
    assert set(told) <= {record.get_header("ce_id") for record in records}
    log.close()
    assert list(world.settings.ml_journal.iterdir()) == []


def test_price_observed_immediately_matches_its_prediction(world: World) -> None:
    books = make_books(300, signal=True, source="good")[:40]
    store = PredictionStore(world.settings.ml_predictions_url)
    with world.client() as client:
        for book in books:
            wait_for(client, f"/ml/features?book_id={book.id}")
        ask(client, book_ids=[book.id for book in books])
        publish_books(world.stores().log, books, minute=MONTHS)
        pause = Event()
        for _ in range(200):
            if sum(arm.observed for arm in store.read_arms(NAME)) == len(books):
                return
            pause.wait(0.02)
    raise AssertionError(store.read_arms(NAME))


def test_live_process_keeps_its_segments(tmp_path: Path) -> None:
    one, other = PredictionJournal(tmp_path), PredictionJournal(tmp_path)
    one.append([make_row(1)])
    assert list(other.read_orphans()) == []
    other.close()
    one.close()  # what it has not handed on stays
    third = PredictionJournal(tmp_path)
    assert [[row["id"] for row in rows] for _, rows in third.read_orphans()] == [[make_row(1)["id"]]]


def test_truncated_line_hides_no_other(tmp_path: Path) -> None:
    journal = PredictionJournal(tmp_path)
    journal.append([make_row(1), make_row(2)])
    path = journal.rotate()
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole[0] + whole[1][:40])
    journal.close()
    assert [[row["id"] for row in rows] for _, rows in PredictionJournal(tmp_path).read_orphans()] == [
        [make_row(1)["id"]]
    ]


def test_prediction_that_cannot_be_recorded_is_not_returned(tmp_path: Path, world: World) -> None:
    settings = world.settings
    log = open_event_log(settings.event_log_url)
    recorder = PredictionRecorder(
        PredictionStore(settings.ml_predictions_url), log, PredictionJournal(tmp_path / "journal")
    )
    (tmp_path / "journal").rename(tmp_path / "gone")
    with pytest.raises(Unavailable, match="journal"):
        recorder.record([make_row(1)])
    assert recorder.find(make_row(1)["id"]) is None
    log.close()


def test_unwritable_journal_is_reported_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="journal"):
        PredictionJournal(tmp_path / "file" / "journal")


@pytest.mark.parametrize("book", [None, "good:b00001"])
def test_messages_equal_those_of_the_event_model_byte_for_byte(book: str | None) -> None:
    row = make_row(7, book=book)
    told = {k: v for k, v in row.items() if k not in ("id", "subject", "made_at")}
    event = PredictionMade(prediction_id=row["id"], made_at=from_version(row["made_at"]), **told)
    expected, (made,) = encode(event, source="ml-api"), encode_messages([row])
    assert (made.key, made.value) == (expected.key, expected.value)
    assert [h for h in made.headers if h[0] != "ce_time"] == [
        h for h in expected.headers if h[0] != "ce_time"
    ]
