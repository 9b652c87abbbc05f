"""Creates ml-api: opens registry, stores and event log, runs the background threads, closes everything."""

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from threading import Event, Thread

from fastapi import FastAPI

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog, open_event_log
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import create_service
from bookcore.kit.auth import InternalTokens, Scope, require_scope
from bookcore.kit.clock import SystemClock
from bookcore.kit.logger import get_logger
from bookcore.kit.tracing.options import TraceOptions
from bookcore.lake import open_lake
from bookml.online import StoredFacts, create_feed, open_online_store
from bookml.promotion import DecisionWriter
from bookml.registry import open_registry
from ml_api.experiments.canary import CanaryController
from ml_api.experiments.guardrails import reject_poor_champions
from ml_api.models.served_models import ServedModels, check_models
from ml_api.monitoring.metrics import HELP, MlMetrics
from ml_api.predictions.journal import PredictionJournal
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.predictions.store import PredictionStore
from ml_api.routes import models, monitoring, predict, training_data
from ml_api.routes.dependencies import ServiceState
from ml_api.serving.prediction_service import PredictionService
from ml_api.settings import Settings

_log = get_logger(__name__)
Loop = Callable[[Event], None]
_NEW_OBJECTS_PER_COLLECTION = 20_000


def create_app(settings: Settings) -> FastAPI:
    """The app; stores are opened when it starts."""
    opened: list[ServiceState] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as closing:
            app.state.internal_tokens = InternalTokens(settings.internal_secret.get_secret_value())
            state, loops = _open_state(settings, closing)
            app.state.collaborators = state
            gc.collect()
            gc.freeze()  # models are many long-lived objects; collecting them costs pauses
            closing.callback(gc.unfreeze)  # else a process that opens apps in turn keeps the models of all
            gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 20, 50)
            closing.enter_context(_ThreadGroup(loops))
            opened.append(state)
            yield
            opened.clear()

    admin = _create_admin(opened, settings.traces)
    app = create_service("Bookstream machine learning", lifespan=lifespan, admin=admin)
    for router in (predict.router, models.router, training_data.router, monitoring.router):
        app.include_router(router, dependencies=[require_scope(Scope.ML)])
    return app


def _create_admin(opened: Sequence[ServiceState], traces: TraceOptions) -> ServiceAdmin:
    def check_registry() -> None:
        for state in opened:
            check_models(state.models)

    def check_predictions() -> None:
        for state in opened:
            state.recorder.store.read_arms("")

    def render_models() -> str:
        """Nothing while the table of predictions is unavailable: its state is a metric too."""
        with suppress(BookstreamError):
            return "".join(state.metrics.render(state.service) for state in opened)
        return ""

    checks = {"registry": check_registry, "predictions": check_predictions}
    admin = ServiceAdmin("ml-api", checks, request_prefix="ml_api", elsewhere=HELP, traces=traces)
    admin.render_more = render_models
    return admin


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
    models = ServedModels(registry)
    models.refresh()
    service = PredictionService(models, recorder, settings, SystemClock())
    state = ServiceState(service, models, registry, recorder, online, lake, MlMetrics())
    return state, _build_loops(state, log)


def _build_loops(state: ServiceState, log: EventLog) -> Sequence[Loop]:
    """Background loops: canaries, models, records, features. None may end before the app does."""
    settings = state.service.settings
    decider = DecisionWriter(state.registry, log, SystemClock())

    def observe(books: Sequence[StoredFacts]) -> None:
        state.recorder.flush_once()
        if state.recorder.store.observe(books):
            reject_poor_champions(state.models, state.recorder.store, settings, decider)

    canaries = CanaryController(state.models, state.recorder.store, settings, state.service.challenger_runner)
    return [
        _retry_while_unavailable(lambda stop: _run_canaries(canaries, decider, stop)),
        lambda stop: state.models.refresh_until(stop, every=settings.ml_reload_seconds),
        state.recorder.run,
        _retry_while_unavailable(create_feed(log, state.online, on_batch=observe)),
    ]


def _run_canaries(canaries: CanaryController, decider: DecisionWriter, stop: Event) -> None:
    while not stop.wait(canaries.settings.ml_reload_seconds):
        canaries.run_once(decider)


def _retry_while_unavailable(loop: Loop) -> Loop:
    def run(stop: Event) -> None:
        while not stop.is_set():
            try:
                loop(stop)
            except BookstreamError as error:
                _log.warning("store unavailable; retrying", reason=str(error))
                stop.wait(1.0)

    return run


class _ThreadGroup:
    """Threads that run until the end of the block."""

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
