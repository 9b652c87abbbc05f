"""A challenger that answers more and more subjects, until it is the champion or something is amiss."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event

import numpy as np
import onnx
import pytest
from httpx2 import Client
from tests.promises import carries
from tests.unit.bookml.books import make_books, publish_books
from tests.unit.ml_api.conftest import World
from tests.unit.ml_api.test_models import MONTHS, NAME, list_roles, put_to_use
from tests.unit.ml_api.test_predict import BOOK, ask, wait_for
from tests.unit.ml_api.test_recording import running

from bookcore.domain.book import Book, Money
from bookcore.events.codec import decode
from bookcore.events.ml import ModelDecided
from bookcore.events.topics import DECIDED
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.testing.builders import get_price
from bookml.artifact import MODEL
from bookml.promotion import DecisionRequest
from bookml.registry import Challenge, ModelAction, ModelDecision, ModelDraft, get_challenge
from ml_api.experiments.assignment import ChallengerCounts, ChallengerRunner, hash_subject
from ml_api.experiments.canary import BY, CanaryController, CanaryObservations, decide_canary
from ml_api.models.served_models import ServedModels
from ml_api.predictions.evidence import BoundedMean, PairedErrors
from ml_api.predictions.store import SHADOW, SHADOW_SUFFIX, PredictionStore
from ml_api.settings import ExperimentMode, Settings

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SETTINGS = Settings(ml_trial=ExperimentMode.CANARY)
CALM = PairedErrors(BoundedMean(60, 0.0, 0.6), BoundedMean(60, 54, 54))
SLOW, QUICK = [0.5] * 97 + [250.0] * 3, [0.5] * 100


def make_observations(
    pairs: PairedErrors = CALM,
    *,
    milliseconds: Sequence[float] = QUICK,
    tally: ChallengerCounts | None = None,
    prices: int = 60,
) -> CanaryObservations:
    step = replace(pairs, worse=replace(pairs.worse, count=prices))
    return CanaryObservations(pairs, step, milliseconds, tally or ChallengerCounts(1_000, 0))


def make_challenge(ramps: int) -> Challenge:
    return Challenge(2, NOW, ramps, NOW)


@pytest.mark.parametrize(
    ("ramps", "told", "act", "says"),
    [
        (0, make_observations(), ModelAction.RAMP, "goes on with 5 %"),
        (
            2,
            make_observations(),
            ModelAction.RAMP,
            "60 true prices at 25 % of subjects, nothing against it; goes on with 50 %",
        ),
        (0, make_observations(prices=49), None, ""),
        (3, make_observations(), None, ""),
        (
            3,
            make_observations(PairedErrors(BoundedMean(400, -40.0, 8.0), CALM.inside)),
            ModelAction.PROMOTE,
            "surely better than the champion",
        ),
        (
            1,
            make_observations(PairedErrors(BoundedMean(400, 40.0, 8.0), CALM.inside)),
            ModelAction.REJECT,
            "at 5 % of subjects: it is surely worse",
        ),
        (
            1,
            make_observations(PairedErrors(BoundedMean(400, 0.1, 0.0001), CALM.inside)),
            ModelAction.RAMP,
            "nothing against it",
        ),
        (
            1,
            make_observations(PairedErrors(CALM.worse, BoundedMean(200, 80, 80))),
            ModelAction.REJECT,
            "hold 40% of 200 true prices",
        ),
        (1, make_observations(milliseconds=SLOW, prices=0), ModelAction.REJECT, "takes 250.0 ms or more"),
        (
            1,
            make_observations(tally=ChallengerCounts(1_000, 11), prices=0),
            ModelAction.REJECT,
            "failed at 11 of 1000 predictions",
        ),
        (1, make_observations(tally=ChallengerCounts(99, 99), milliseconds=SLOW[-50:], prices=0), None, ""),
        (9, make_observations(), None, ""),
    ],
)
def test_canary_step_is_taken_or_rejected_with_a_reason(
    ramps: int, told: CanaryObservations, act: ModelAction | None, says: str
) -> None:
    verdict = decide_canary(make_challenge(ramps), told, SETTINGS)
    assert (verdict[0] if verdict else None) is act
    assert says in (verdict[1] if verdict else "")


def test_steps_belong_to_one_challenge() -> None:
    def decided(*acts: tuple[ModelAction, int]) -> list[ModelDecision]:
        return [ModelDecision(NAME, version, act, "", "me", NOW) for act, version in acts]

    steps = decided((ModelAction.CHALLENGE, 2), (ModelAction.RAMP, 2), (ModelAction.RAMP, 2))
    assert get_challenge(steps) == make_challenge(2)
    assert get_challenge([*steps, *decided((ModelAction.CHALLENGE, 3))]) == replace(
        make_challenge(0), version=3
    )
    for end in (ModelAction.REJECT, ModelAction.PROMOTE):
        assert get_challenge([*steps, *decided((end, 2))]) is None


def start_canary(world: World, **more: object) -> World:
    put_to_use(world, 1)
    world.decider().decide(DecisionRequest(NAME, ModelAction.CHALLENGE, "me", "try it", 2))
    told = {"ml_trial": ExperimentMode.CANARY, "ml_canary_steps": "20,60", "ml_reload_seconds": 0.02, **more}
    return World(Settings.model_validate({"data": world.settings.data, **told}))


def find_subject(*, below: float, above: float = 0.0) -> str:
    return next(s for s in map(str, range(10_000)) if above <= hash_subject(NAME, s) < below)


def read_experiment(client: Client) -> dict[str, object]:
    return next(e for e in client.get("/ml/experiments").json()["items"] if e["name"] == NAME)


def waiting(client: Client) -> Iterator[dict[str, object]]:
    pause = Event()
    for _ in range(400):
        yield read_experiment(client)
        pause.wait(0.02)


def predict_by_canary(client: Client, books: Sequence[Book]) -> None:
    """Every book by two subjects: one that the canary answers from its first step on, and one at the end."""
    for book in books:
        wait_for(client, f"/ml/features?book_id={book.id}")
    for subject in (find_subject(below=0.2), find_subject(below=1.0, above=0.6)):
        ask(client, book_ids=[book.id for book in books], subject=subject)
    assert any(count_predictions(e) == 4 * len(books) for e in waiting(client))


def count_predictions(told: dict[str, object]) -> int:
    arms = told["arms"]
    assert isinstance(arms, list)
    return sum(arm["predictions"] for arm in arms)


def observe_prices(world: World, books: Sequence[Book], *, factor: float, round_: int) -> None:
    true = [replace(b, price=Money(get_price(b).amount * Decimal(factor), "GBP")) for b in books]
    publish_books(world.stores().log, true, minute=MONTHS + round_)


def test_canary_predicts_its_share_with_the_champion_as_shadow_and_vice_versa(
    world: World,
) -> None:
    with start_canary(world).client() as client:
        inside, outside = find_subject(below=0.2), find_subject(below=0.6, above=0.2)
        told = [ask(client, source="good", features=BOOK, subject=s) for s in (inside, outside)]
        assert [(t["variant"], t["version"]) for t in told] == [("challenger", 2), ("champion", 1)]
        shadows = [wait_for(client, f"/ml/predictions/{t['id']}{SHADOW_SUFFIX}")["prediction"] for t in told]
        assert [(s["variant"], s["version"]) for s in shadows] == [(SHADOW, 1), (SHADOW, 2)]  # type: ignore[index]  # rows
        assert read_experiment(client)["percent"] == 20


@carries("canary")
def test_canary_grows_without_a_breach_and_continues_after_a_restart(
    world: World,
) -> None:
    tried = start_canary(world, ml_canary_prices=30)
    books = make_books(300, signal=True, source="good")[:40]
    with tried.client() as client:
        predict_by_canary(client, books)
        observe_prices(tried, books, factor=1, round_=0)
        assert any(e["percent"] == 60 for e in waiting(client))
        decisions = read_experiment(client)["decisions"]
        assert isinstance(decisions, list)
        assert (decisions[-1]["act"], decisions[-1]["by"]) == ("ramp", BY)
        assert "true prices at 20 % of subjects, nothing against it" in decisions[-1]["reason"]
    with tried.client() as client:
        assert read_experiment(client)["percent"] == 60
        told = ask(client, source="good", features=BOOK, subject=find_subject(below=0.6, above=0.2))
        assert told["variant"] == "challenger"


def test_canary_with_low_coverage_is_rejected_with_the_reason(world: World) -> None:
    tried = start_canary(world, ml_guard_predictions=10_000)
    books = make_books(300, signal=True, source="good")[:40]
    with tried.client() as client:
        predict_by_canary(client, books)
        observe_prices(tried, books, factor=9, round_=0)
        assert any(e["challenger"] is None for e in waiting(client))
        assert list_roles(client)[f"{NAME}:2"] == "rejected"
        decisions = read_experiment(client)["decisions"]
        assert isinstance(decisions, list)
        assert decisions[-1]["act"] == "reject"
        assert decisions[-1]["reason"].startswith("canary at 20 % of subjects: its intervals hold 0% of")
        assert (NAME, 2, "rejected", decisions[-1]["reason"]) in run_model_list(world)
        told = ask(client, source="good", features=BOOK, subject=find_subject(below=0.2))
        assert (told["variant"], told["version"]) == ("champion", 1)


def run_model_list(world: World) -> list[tuple[str, int, str, str]]:
    """As `bookstream model list` gets it."""
    environment = {**os.environ, "BOOKSTREAM_DATA": str(world.settings.data)}
    command = [sys.executable, "-m", "trainer", "model", "list"]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    lines = map(json.loads, told.splitlines())
    return [(line["name"], line["version"], line["role"], line["reason"]) for line in lines]


def test_failing_challenger_fails_no_request_and_is_rejected(world: World) -> None:
    stores = world.stores()
    second = stores.registry.list_versions(NAME)[-1]
    files = dict(stores.registry.read_files(second))
    model = onnx.load_from_string(files[MODEL])
    trees = next(node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor")
    weights = next(each for each in trees.attribute if each.name == "target_weights")
    weights.floats[:] = [float(np.nan)] * len(weights.floats)
    files[MODEL] = model.SerializeToString()
    draft = ModelDraft(**{name: getattr(second, name) for name in ModelDraft.__slots__})
    broken = stores.registry.register(NAME, files, draft).version
    put_to_use(world, 1)
    world.decider().decide(DecisionRequest(NAME, ModelAction.CHALLENGE, "me", "try it", broken))
    settings = Settings(data=world.settings.data, ml_trial=ExperimentMode.CANARY, ml_reload_seconds=0.02)
    with World(settings).client() as client:
        subject = find_subject(below=0.01)
        told = [ask(client, source="good", features=BOOK, subject=subject) for _ in range(20)]
        assert {(t["variant"], t["version"]) for t in told} <= {("fallback", 1), ("champion", 1)}
        assert told[0]["variant"] == "fallback"
        ask(client, source="good", batch=[BOOK] * 100)
        assert any(e["challenger"] is None for e in waiting(client))
        decisions = read_experiment(client)["decisions"]
        assert isinstance(decisions, list)
        assert "it failed at 120 of 120 predictions" in decisions[-1]["reason"]


def count_observed(told: dict[str, object]) -> int:
    evidence = told["evidence"]
    assert isinstance(evidence, dict)
    return int(evidence["prices"])


def test_one_of_two_concurrent_processes_decides(world: World) -> None:
    tried = start_canary(world, ml_canary_prices=30)
    books = make_books(300, signal=True, source="good")[:40]
    slow = World(tried.settings.model_copy(update={"ml_reload_seconds": 600.0}))
    with slow.client() as client:
        predict_by_canary(client, books)
        observe_prices(tried, books, factor=1, round_=0)
        assert any(count_observed(e) == 80 for e in waiting(client))
        stores = tried.stores()
        watches = []
        for _ in range(2):
            models = ServedModels(stores.registry)
            models.refresh()
            store = PredictionStore(tried.settings.ml_predictions_url)
            watches.append(CanaryController(models, store, tried.settings, ChallengerRunner()))
        before = len(stores.registry.list_decisions(NAME))
        for watch in watches:
            watch.run_once(tried.decider())
    acts = [decision.act for decision in stores.registry.list_decisions(NAME)[before:]]
    assert acts == [ModelAction.RAMP]
    records = [r for p in range(DECIDED.partitions) for r in stores.log.read(DECIDED.name, p, 0, 100)]
    last = [event for r in records if isinstance(event := decode(r).event, ModelDecided)][-1]
    assert (last.act, last.by, last.version) == ("challenge", BY, 2)
    assert "goes on with 60 %" in last.reason


def test_several_processes_take_each_step_once_and_agree(world: World) -> None:
    tried = start_canary(world, ml_canary_prices=30)
    told = {"TRIAL": "canary", "CANARY_STEPS": "20,60", "CANARY_PRICES": "30", "RELOAD_SECONDS": "0.05"}
    environment = {f"BOOKSTREAM_ML_{name}": value for name, value in told.items()}
    tokens = InternalTokens(world.settings.internal_secret.get_secret_value())
    headers = {HEADER: tokens.sign(Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER]))}
    books = make_books(300, signal=True, source="good")[:40]
    registry = world.stores().registry
    before = len(registry.list_decisions(NAME))
    with ExitStack() as stack:
        ports = [stack.enter_context(running(world.settings, **environment))[1] for _ in range(2)]
        clients = [
            stack.enter_context(Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False))
            for port in ports
        ]
        predict_by_canary(clients[0], books)
        observe_prices(tried, books, factor=1, round_=0)
        for client in clients:
            assert any(e["percent"] == 60 for e in waiting(client))
        subject = find_subject(below=0.6, above=0.2)
        answers = [ask(c, source="good", features=BOOK, subject=subject) for c in clients]
        assert {(a["variant"], a["version"]) for a in answers} == {("challenger", 2)}
    acts = [decision.act for decision in registry.list_decisions(NAME)[before:]]
    assert acts in ([ModelAction.RAMP], [ModelAction.RAMP, ModelAction.PROMOTE])
