"""`python -m trainer train SOURCE`: train and decide; progress and result as JSON Lines on standard output.

`... train --if-needed [SOURCE]`: only sources that are due; each source has a line with the reason.
`python -m trainer model list`: all versions. `... model promote|reject|challenge NAME VERSION [REASON]` and
`... model rollback NAME [REASON]`: decide.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bookcore.domain.errors import BookstreamError, Invalid, NotFound
from bookcore.event_log import open_event_log
from bookcore.kit.admin.health import DependencyMonitor, ProcessHealth
from bookcore.kit.admin.server import AdminPages, open_admin_port
from bookcore.kit.clock import SystemClock
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.progress import (
    DecisionLine,
    ModelLine,
    RetrainLine,
    TrainingProgress,
    TrainingResult,
    write_line,
)
from bookcore.kit.settings import read_settings
from bookcore.lake import open_lake
from bookml.history import list_sources, update_history
from bookml.promotion import DecisionRequest, DecisionWriter, get_reason, get_role
from bookml.registry import ModelAction, get_champion, open_registry
from trainer.job import run_job
from trainer.retrain_policy import RetrainDecision, RetrainLimits, decide_retraining
from trainer.settings import Settings
from trainer.stores import TrainerStores

_USAGE = (
    "train SOURCE [--snapshot ID] | train --if-needed [SOURCE] | model list"
    " | model promote|reject|challenge|rollback NAME [VERSION]"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when done, also when the model is refused; 1 with one error line otherwise."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="trainer")
        stop_with_parent()
        with _open_stores(settings) as stores, open_admin_port(settings, _build_pages(settings, stores)):
            match words:
                case ["train", "--if-needed", *chosen] | ["train", *chosen, "--if-needed"] if len(chosen) < 2:
                    _train_if_needed(stores, chosen, _build_limits(settings))
                case ["train", source]:
                    _train(stores, source, None)
                case ["train", source, "--snapshot", snapshot]:
                    _train(stores, source, snapshot)
                case ["model", "list"]:
                    _list_versions(stores)
                case ["model", act, name, *rest] if act in list(ModelAction):
                    _decide(stores, ModelAction(act), name, rest)
                case _:
                    raise Invalid(f"unknown words {' '.join(words)!r}; use `python -m trainer {_USAGE}`")
    except BookstreamError as error:
        sys.stderr.write(f"trainer: {error}\n")
        return 1
    return 0


@contextmanager
def _open_stores(settings: Settings) -> Iterator[TrainerStores]:
    with ExitStack() as closing:
        log = open_event_log(settings.event_log_url)
        closing.callback(log.close)
        lake = open_lake(settings.lake_url)
        closing.callback(lake.close)
        yield TrainerStores(log, lake, open_registry(settings.registry_url), SystemClock())


def _build_pages(settings: Settings, stores: TrainerStores) -> AdminPages:
    health = ProcessHealth(stuck_seconds=settings.admin_stuck_seconds)
    health.start()
    return AdminPages(health=health, dependencies=DependencyMonitor({}), render_metrics=stores.metrics.render)


def _train(stores: TrainerStores, source: str, snapshot: str | None) -> None:
    def show(what: str, done: int, of: int) -> None:
        write_line(TrainingProgress(what=what, done=done, of=of))

    try:
        result = run_job(stores, source, on_progress=show, snapshot_id=snapshot)
    except BookstreamError:
        stores.record_run(source, "failed")
        raise
    stores.record_run(source, result.decision)
    version = result.version
    write_line(
        TrainingResult(
            decision=result.decision,
            sentence=result.sentence,
            name=version.name,
            version=version.version,
            digest=version.digest,
            snapshot=version.snapshot,
            metrics=version.metrics,
        )
    )


def _build_limits(settings: Settings) -> RetrainLimits:
    return RetrainLimits(
        days=settings.trainer_days,
        share=settings.trainer_share,
        drift=settings.trainer_drift,
        error=settings.trainer_error,
    )


def _train_if_needed(stores: TrainerStores, chosen: Sequence[str], limits: RetrainLimits) -> None:
    """Source by source; sources without priced books are reported and skipped, unless requested."""
    update_history(stores.log, stores.lake)
    for source in chosen or list_sources(stores.lake):
        try:
            decision = decide_retraining(stores, source, limits)
        except NotFound as error:
            if chosen:
                raise
            decision = RetrainDecision(source, needed=False, reason=str(error))
        write_line(RetrainLine(source=source, needed=decision.needed, reason=decision.reason))
        if decision.needed:
            _train(stores, source, None)


def _list_versions(stores: TrainerStores) -> None:
    for name in stores.registry.list_names():
        decisions = stores.registry.list_decisions(name)
        for version in stores.registry.list_versions(name):
            metrics = version.metrics
            write_line(
                ModelLine(
                    name=name,
                    version=version.version,
                    role=get_role(version, decisions),
                    verdict=version.verdict,
                    rmsle=metrics.get("rmsle"),
                    gain=metrics.get("gain"),
                    coverage=metrics.get("coverage"),
                    books=int(metrics.get("books", 0)),
                    created_at=version.created_at,
                    reason=get_reason(version, decisions),
                )
            )


def _decide(stores: TrainerStores, act: ModelAction, name: str, rest: Sequence[str]) -> None:
    number = int(rest[0]) if rest and rest[0].isdecimal() else 0
    if not number and act is not ModelAction.ROLLBACK:
        raise Invalid("say which version, a whole number", field="version")
    reason = " ".join(rest[1:] if number else rest) or "asked for on the command line"
    decider = DecisionWriter(stores.registry, stores.log, stores.clock)
    decision = decider.decide(
        DecisionRequest(name, act, "bookstream", reason, 0 if act is ModelAction.ROLLBACK else number)
    )
    champion = get_champion(stores.registry.list_decisions(name))
    write_line(
        DecisionLine(
            name=decision.name,
            version=decision.version,
            act=decision.act.value,
            at=decision.at,
            champion=champion,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
