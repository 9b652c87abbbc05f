"""One training job: update the history, take a snapshot, train, register, decide."""

from dataclasses import dataclass, replace

import numpy as np
import orjson

from bookcore.domain.errors import Invalid, NotFound
from bookml import artifact, snapshot
from bookml.history import update_history
from bookml.promotion import DecisionRequest, DecisionWriter, get_version
from bookml.registry import ModelAction, ModelRegistry, ModelVersion, build_model_name, get_champion
from trainer.fit import OnProgress
from trainer.gate import compute_gain
from trainer.stores import TrainerStores
from trainer.training import train_model

__all__ = ["JobResult", "TrainerStores", "run_job"]
_BY = "trainer"


@dataclass(frozen=True, slots=True)
class JobResult:
    """`decision`: promoted, refused, kept (the champion stays) or unchanged (the same model exists)."""

    version: ModelVersion
    decision: str
    sentence: str


def run_job(
    stores: TrainerStores, source: str, *, on_progress: OnProgress, snapshot_id: str | None = None
) -> JobResult:
    """Train on the current books of the source, or on an existing snapshot.

    Raises: NotFound without books or without the snapshot, Unavailable.
    """
    update_history(stores.log, stores.lake)
    manifest = (
        snapshot.read_manifest(stores.lake, snapshot_id)
        if snapshot_id
        else snapshot.create_snapshot(stores.lake, source)
    )
    trained = train_model(stores.lake, manifest, on_progress=on_progress)
    name = build_model_name(manifest.source, manifest.currency)
    version = stores.registry.register(name, trained.files, trained.draft)
    result = _decide(stores, version)
    if manifest.unpriced:
        left_out = f"; {manifest.unpriced} books without a price were left out"
        return replace(result, sentence=result.sentence + left_out)
    return result


def _decide(stores: TrainerStores, version: ModelVersion) -> JobResult:
    decisions = stores.registry.list_decisions(version.name)
    if any(decision.version == version.version for decision in decisions):
        return JobResult(
            version, "unchanged", f"{_format_version(version)} was trained before, byte for byte"
        )
    decider = DecisionWriter(stores.registry, stores.log, stores.clock)
    if not version.passed:
        decider.decide(
            DecisionRequest(version.name, ModelAction.REJECT, _BY, version.reason, version.version)
        )
        return JobResult(version, "refused", f"{_format_version(version)} is refused: {version.reason}")
    champion = get_champion(decisions)
    if champion is not None:
        better = _is_better(stores.registry, version, get_version(stores.registry, version.name, champion))
        if not better:
            return JobResult(
                version,
                "kept",
                f"{_format_version(version)} isn't surely better than the champion, version {champion}",
            )
    decider.decide(DecisionRequest(version.name, ModelAction.PROMOTE, _BY, version.reason, version.version))
    return JobResult(version, "promoted", f"{_format_version(version)} is promoted: {version.reason}")


def _is_better(registry: ModelRegistry, challenger: ModelVersion, champion: ModelVersion) -> bool:
    """Whether the lower bound of the paired gain, on books that both were evaluated on, is above 0."""
    try:
        champion_errors = orjson.loads(registry.read_files(champion)[artifact.ERRORS])
    except (Invalid, NotFound):  # a champion that can't be loaded isn't served
        return True
    challenger_errors = orjson.loads(registry.read_files(challenger)[artifact.ERRORS])
    both = sorted(challenger_errors.keys() & champion_errors.keys())
    if not both:
        return True
    errors, others = (
        np.array([by_book[book] for book in both]) for by_book in (challenger_errors, champion_errors)
    )
    return compute_gain(errors, others, both).low > 0


def _format_version(version: ModelVersion) -> str:
    return f"{version.name} version {version.version}"
