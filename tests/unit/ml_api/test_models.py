"""Models that come, go, are tried, tampered with, and judged by prices that are seen later."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from tests.unit.bookml.books import make_books, publish_books
from tests.unit.ml_api.conftest import World
from tests.unit.ml_api.test_predict import BOOK, ask, parse_amount, wait_for

from bookcore.domain.book import Money
from bookcore.testing.builders import get_price
from bookml.promotion import DecisionRequest
from bookml.registry import ModelAction
from ml_api.experiments.assignment import hash_subject
from ml_api.settings import ExperimentMode, Settings

NAME = "price-good-gbp"
MONTHS = 60 * 24 * 800  # minutes: after the present, whenever that is in the next years


def list_roles(client: TestClient) -> dict[str, str]:
    return {model["id"]: model["role"] for model in client.get("/ml/models").json()["items"]}


def wait_until(client: TestClient, version: int) -> None:
    pause = Event()
    for _ in range(300):
        if ask(client, source="good", features=BOOK)["version"] == version:
            return
        pause.wait(0.02)
    raise AssertionError(version)


def put_to_use(world: World, version: int) -> None:
    decisions = world.stores().registry.list_decisions(NAME)
    if not decisions or decisions[-1].version != version or decisions[-1].act is not ModelAction.PROMOTE:
        world.decider().decide(DecisionRequest(NAME, ModelAction.PROMOTE, "me", "a test", version))


def test_promotion_and_rollback_take_effect_without_a_failed_request(world: World) -> None:
    put_to_use(world, 2)
    stop, codes = Event(), set[int]()

    def asking(client: TestClient) -> None:
        while not stop.is_set():
            codes.add(client.post("/ml/predict", json={"source": "good", "features": BOOK}).status_code)

    with world.client() as client, ThreadPoolExecutor(2) as pool:
        running = pool.submit(asking, client)
        try:
            wait_until(client, 2)
            world.decider().decide(DecisionRequest(NAME, ModelAction.ROLLBACK, "me", "no good"))
            wait_until(client, 1)
            put_to_use(world, 2)
            wait_until(client, 2)
        finally:
            stop.set()
        running.result()
    assert codes == {200}


def test_every_version_is_listed_with_role_card_and_decisions(client: TestClient) -> None:
    roles = list_roles(client)
    assert roles["price-noise-gbp:1"] == "rejected"
    assert "champion" in roles.values()
    whole = client.get("/ml/models/price-noise-gbp:1").json()
    assert whole["card"]["verdict"] == whole["verdict"] == "noise"
    assert [d["act"] for d in whole["decisions"]] == ["reject"]
    page = client.get("/ml/models/price-noise-gbp:1/card")
    assert page.headers["content-type"].startswith("text/html")
    for unknown in ("price-noise-gbp:9", "price-noise-gbp", "x:y", "%2e%2e:1"):
        assert client.get(f"/ml/models/{unknown}").status_code == 404


def test_tampered_model_is_never_opened_and_others_stay_in_use(world: World) -> None:
    put_to_use(world, 2)
    path = Path(world.settings.registry_url.removeprefix("file://")) / NAME / "2" / "model.onnx"
    path.write_bytes(b"\x80\x04" + path.read_bytes())
    with world.client() as client:
        told = ask(client, source="good", features=BOOK)
        assert told["kind"] == "baseline"
        assert "files differ from the registered ones" in str(told["reason"])
        assert ask(client, source="noise", features=BOOK)["kind"] == "baseline"
        assert "ml_registry_trouble 1" in client.get("/ml/metrics").text
        assert client.get("/ml/models/price-good-gbp:2").json()["field"] == "model.onnx"


def test_unavailable_registry_leaves_loaded_models_in_use(world: World) -> None:
    with world.client() as client:
        before = ask(client, source="good", features=BOOK)
        folder = Path(world.settings.registry_url.removeprefix("file://")) / NAME
        about = sorted(folder.glob("*/version.json"))
        for path in about:
            path.write_bytes(b"{")
        Event().wait(0.2)
        after = ask(client, source="good", features=BOOK)
        assert (parse_amount(after), after["version"]) == (parse_amount(before), before["version"])
        assert client.get("/health/ready").status_code == 200
        assert "ml_registry_trouble 1" in client.get("/ml/metrics").text


def test_subjects_stay_in_their_arm_and_arms_have_their_shares() -> None:
    shares = [hash_subject(NAME, f"reader {n}") for n in range(4_000)]
    assert shares == [hash_subject(NAME, f"reader {n}") for n in range(4_000)]
    assert abs(sum(share < 0.3 for share in shares) / 4_000 - 0.3) < 0.03
    assert [hash_subject("price-other-gbp", f"reader {n}") for n in range(9)] != shares[:9]


def start_experiment(world: World, kind: ExperimentMode) -> World:
    put_to_use(world, 1) if get_served_champion(world) != 1 else None
    world.decider().decide(DecisionRequest(NAME, ModelAction.CHALLENGE, "me", "try it", 2))
    return World(
        Settings(data=world.settings.data, ml_trial=kind, ml_trial_percent=50, ml_reload_seconds=0.02)
    )


def get_served_champion(world: World) -> int:
    with world.client() as client:
        return int(str(ask(client, source="good", features=BOOK)["version"]))


def test_split_assigns_each_subject_to_one_arm_and_records_exposure(world: World) -> None:
    with start_experiment(world, ExperimentMode.SPLIT).client() as client:
        seen = {n: {str(_predict(client, n)["variant"]) for _ in range(3)} for n in range(30)}
        assert all(len(arms) == 1 for arms in seen.values())
        assert {arm for arms in seen.values() for arm in arms} == {"champion", "challenger"}
        Event().wait(0.2)
        told = next(e for e in client.get("/ml/experiments").json()["items"] if e["name"] == NAME)
    assert (told["champion"], told["challenger"], told["verdict"]) == (1, 2, "no true prices are known yet")
    assert sum(arm["subjects"] for arm in told["arms"] if arm["variant"] in ("champion", "challenger")) >= 30


def _predict(client: TestClient, reader: int) -> dict[str, object]:
    return ask(client, source="good", features=BOOK, subject=f"reader {reader}")


def test_shadow_is_recorded_and_never_returned(world: World) -> None:
    with start_experiment(world, ExperimentMode.SHADOW).client() as client:
        assert {_predict(client, n)["variant"] for n in range(5)} == {"champion"}
        Event().wait(0.2)
        told = next(e for e in client.get("/ml/experiments").json()["items"] if e["name"] == NAME)
    shadows = [arm for arm in told["arms"] if arm["variant"] == "shadow"]
    assert [(arm["version"], arm["predictions"]) for arm in shadows] == [(2, 5)]


@pytest.mark.parametrize(("wrong", "stays"), [(1, True), (20, False)])
def test_champion_is_judged_by_prices_observed_later(world: World, *, wrong: int, stays: bool) -> None:
    put_to_use(world, 2)
    settings = Settings(
        data=world.settings.data, ml_reload_seconds=0.02, ml_guard_predictions=20, ml_guard_coverage=0.6
    )
    books = make_books(300, signal=True, source="good")[:40]
    with World(settings).client() as client:
        for book in books:
            wait_for(client, f"/ml/features?book_id={book.id}")
        told = ask(client, book_ids=[book.id for book in books])
        items = told["items"]
        assert isinstance(items, list)
        wait_for(client, f"/ml/predictions/{items[0]['id']}")
        Event().wait(0.2)
        dear = [replace(b, price=Money(get_price(b).amount * Decimal(wrong), "GBP")) for b in books]
        publish_books(world.stores().log, dear, minute=MONTHS)
        pause = Event()
        for _ in range(200):
            row = client.get(f"/ml/predictions/{items[0]['id']}").json()["prediction"]
            if row.get("true_price"):
                break
            pause.wait(0.02)
        assert row["true_price"] == f"{get_price(dear[0]).amount:.2f}"
        Event().wait(0.3)
        assert (list_roles(client)["price-good-gbp:2"] == "champion") is stays
        assert "ml_live_coverage" in client.get("/ml/metrics").text


def test_drift_of_requested_features_is_detected(client: TestClient) -> None:
    calm = [
        {"title": "The lamp", "pages": b.details.pages, "year": b.details.year}
        for b in make_books(300, signal=True, source="good")
    ]
    ask(client, source="good", batch=calm)
    ask(client, source="noise", batch=[{"title": "The lamp", "pages": 9_000 + n} for n in range(300)])
    figures = {}
    for line in client.get("/ml/metrics").text.splitlines():
        if line.startswith("ml_drift_psi") and 'feature="pages"' in line:
            figures[line.split('"')[1]] = float(line.split()[-1])
    assert figures[NAME] < 0.1
    assert figures["price-noise-gbp"] > 0.25
