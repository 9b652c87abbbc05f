"""ml-api as a whole: opens registry, stores and log, runs its threads, closes everything."""

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from threading import Event, Thread

import structlog
from fastapi import FastAPI

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import EventLog, open_event_log
from bookcore.kit.app import create_service
from bookcore.kit.auth import InternalTokens, Scope, require_scope
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from bookml.online import StoredFacts, create_feed, open_online_store
from bookml.promotion import DecisionWriter
from bookml.registry import open_registry
from ml_api.experiments.canary import CanaryController
from ml_api.experiments.guardrails import reject_poor_champions
from ml_api.models.served_models import ServedModels, check_models
from ml_api.monitoring.metrics import MlMetrics
from ml_api.predictions.journal import PredictionJournal
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.predictions.store import PredictionStore
from ml_api.routes import models, monitoring, predict, training_data
from ml_api.routes.dependencies import ServiceState
from ml_api.serving.prediction_service import PredictionService
from ml_api.settings import Settings

_log = structlog.get_logger()
Loop = Callable[[Event], None]
_NEW_OBJECTS_PER_COLLECTION = 20_000


def create_app(settings: Settings) -> FastAPI:
    """Nothing is opened before the app starts."""
    opened: list[ServiceState] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as closing:
            app.state.internal_tokens = InternalTokens(settings.internal_secret.get_secret_value())
            parts, loops = _open_state(settings, closing)
            app.state.collaborators = parts
            gc.collect()
            gc.freeze()  # models are many objects that stay; to look through them costs pauses
            gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 20, 50)
            closing.enter_context(_ThreadGroup(loops))
            opened.append(parts)
            yield
            opened.clear()

    def ready() -> None:
        if not opened:
            raise Unavailable("the registry is not open yet")
        check_models(opened[0].models)

    app = create_service("Bookstream machine learning", lifespan=lifespan, ready=ready)
    for router in (predict.router, models.router, training_data.router, monitoring.router):
        app.include_router(router, dependencies=[require_scope(Scope.ML)])
    return app


def _open_state(settings: Settings, closing: ExitStack) -> tuple[ServiceState, Sequence[Loop]]:
    log = open_event_log(settings.event_log_url)
    closing.callback(log.close)
    lake = open_lake(settings.lake_url)
    closing.callback(lake.close)
    online = open_online_store(settings.ml_features_url)
    closing.callback(online.close)
    store = PredictionStore(settings.ml_predictions_url)
    closing.callback(store.close)
    registry = open_registry(settings.registry_url)
    recorder = PredictionRecorder(store, log, PredictionJournal(settings.ml_journal))
    loaded = ServedModels(registry)
    loaded.refresh()
    answering = PredictionService(loaded, recorder, settings, SystemClock())
    parts = ServiceState(answering, loaded, registry, recorder, online, lake, MlMetrics())
    return parts, _build_loops(parts, log)


def _build_loops(parts: ServiceState, log: EventLog) -> Sequence[Loop]:
    """Promotions, records, features; none of them ends by itself, or the others would answer on old news."""
    settings = parts.service.settings
    decider = DecisionWriter(parts.registry, log, SystemClock())

    def observed(books: Sequence[StoredFacts]) -> None:
        parts.recorder.flush_once()
        if parts.recorder.store.observe(books):
            reject_poor_champions(parts.models, parts.recorder.store, settings, decider)

    watch = CanaryController(parts.models, parts.recorder.store, settings, parts.service.challenger_runner)
    return [
        _retry_while_unavailable(lambda stop: _run_canaries(watch, decider, stop)),
        lambda stop: parts.models.refresh_until(stop, every=settings.ml_reload_seconds),
        parts.recorder.run,
        _retry_while_unavailable(create_feed(log, parts.online, on_batch=observed)),
    ]


def _run_canaries(watch: CanaryController, decider: DecisionWriter, stop: Event) -> None:
    while not stop.wait(watch.settings.ml_reload_seconds):
        watch.run_once(decider)


def _retry_while_unavailable(loop: Loop) -> Loop:
    def run(stop: Event) -> None:
        while not stop.is_set():
            try:
                loop(stop)
            except BookstreamError as error:
                _log.warning("features and canaries wait", reason=str(error))
                stop.wait(1.0)

    return run


class _ThreadGroup:
    """Threads for as long as the block lasts."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self._stop = Event()
        self._threads = [Thread(target=loop, args=(self._stop,), daemon=True) for loop in loops]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
