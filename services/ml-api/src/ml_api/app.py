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
from bookml.online import Known, feed, open_online_store
from bookml.promotion import Decider
from bookml.registry import open_registry
from ml_api.experiments.canary import Watch
from ml_api.experiments.guardrails import guard
from ml_api.models.served_models import Models, check
from ml_api.monitoring.metrics import Metrics
from ml_api.predictions.journal import Journal
from ml_api.predictions.recorder import Recorder
from ml_api.predictions.store import PredictionStore
from ml_api.routes import models, predict
from ml_api.routes import monitoring as looking
from ml_api.routes import training_data as data
from ml_api.routes.dependencies import Collaborators
from ml_api.serving.prediction_service import Answering
from ml_api.settings import Settings

_log = structlog.get_logger()
Loop = Callable[[Event], None]
_NEW_OBJECTS_PER_COLLECTION = 20_000


def create_app(settings: Settings) -> FastAPI:
    """Nothing is opened before the app starts."""
    opened: list[Collaborators] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as closing:
            app.state.internal_tokens = InternalTokens(settings.internal_secret.get_secret_value())
            parts, loops = _opened(settings, closing)
            app.state.collaborators = parts
            gc.collect()
            gc.freeze()  # models are many objects that stay; to look through them costs pauses
            gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 20, 50)
            closing.enter_context(_Running(loops))
            opened.append(parts)
            yield
            opened.clear()

    def ready() -> None:
        if not opened:
            raise Unavailable("the registry is not open yet")
        check(opened[0].models)

    app = create_service("Bookstream machine learning", lifespan=lifespan, ready=ready)
    for router in (predict.router, models.router, data.router, looking.router):
        app.include_router(router, dependencies=[require_scope(Scope.ML)])
    return app


def _opened(settings: Settings, closing: ExitStack) -> tuple[Collaborators, Sequence[Loop]]:
    log = open_event_log(settings.event_log_url)
    closing.callback(log.close)
    lake = open_lake(settings.lake_url)
    closing.callback(lake.close)
    online = open_online_store(settings.ml_features_url)
    closing.callback(online.close)
    store = PredictionStore(settings.ml_predictions_url)
    closing.callback(store.close)
    registry = open_registry(settings.registry_url)
    recorder = Recorder(store, log, Journal(settings.ml_journal))
    loaded = Models(registry)
    loaded.refresh()
    answering = Answering(loaded, recorder, settings, SystemClock())
    parts = Collaborators(answering, loaded, registry, recorder, online, lake, Metrics())
    return parts, _loops(parts, log)


def _loops(parts: Collaborators, log: EventLog) -> Sequence[Loop]:
    """Promotions, records, features; none of them ends by itself, or the others would answer on old news."""
    settings = parts.answering.settings
    decider = Decider(parts.registry, log, SystemClock())

    def observed(books: Sequence[Known]) -> None:
        parts.recorder.settle()
        if parts.recorder.store.observe(books):
            guard(parts.models, parts.recorder.store, settings, decider)

    watch = Watch(parts.models, parts.recorder.store, settings, parts.answering.trying)
    return [
        _again(lambda stop: _watching(watch, decider, stop)),
        lambda stop: parts.models.keep_fresh(stop, every=settings.ml_reload_seconds),
        parts.recorder.run,
        _again(feed(log, parts.online, seen=observed)),
    ]


def _watching(watch: Watch, decider: Decider, stop: Event) -> None:
    while not stop.wait(watch.settings.ml_reload_seconds):
        watch.once(decider)


def _again(loop: Loop) -> Loop:
    def run(stop: Event) -> None:
        while not stop.is_set():
            try:
                loop(stop)
            except BookstreamError as error:
                _log.warning("features and canaries wait", reason=str(error))
                stop.wait(1.0)

    return run


class _Running:
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
