"""One training job: bring the history up to date, take a snapshot, train, register, decide."""

from dataclasses import dataclass

import numpy as np
import orjson

from bookcore.domain.errors import Invalid, NotFound
from bookml import artifact, snapshot
from bookml.history import catch_up
from bookml.promotion import Decider, Wish, version_of
from bookml.registry import Act, Registry, Version, champion_of, model_name
from trainer.fit import Progress
from trainer.gate import gain_over
from trainer.stores import Stores
from trainer.training import train

__all__ = ["Outcome", "Stores", "run"]
_BY = "trainer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`decision` is promoted, refused, kept (the champion is as good) or unchanged (trained before)."""

    version: Version
    decision: str
    sentence: str


def run(stores: Stores, source: str, *, show: Progress, snapshot_id: str | None = None) -> Outcome:
    """Train on the source's books as they are now, or on a snapshot of before.

    Raises: NotFound without books or without the snapshot, Unavailable.
    """
    catch_up(stores.log, stores.lake)
    manifest = (
        snapshot.manifest_of(stores.lake, snapshot_id) if snapshot_id else snapshot.take(stores.lake, source)
    )
    trained = train(stores.lake, manifest, show=show)
    name = model_name(manifest.source, manifest.currency)
    version = stores.registry.register(name, trained.files, trained.draft)
    return _decided(stores, version)


def _decided(stores: Stores, version: Version) -> Outcome:
    decisions = stores.registry.decisions(version.name)
    if any(decision.version == version.version for decision in decisions):
        return Outcome(version, "unchanged", f"{_named(version)} was trained before, byte for byte")
    decider = Decider(stores.registry, stores.log, stores.clock)
    if not version.passed:
        decider.decide(Wish(version.name, Act.REJECT, _BY, version.reason, version.version))
        return Outcome(version, "refused", f"{_named(version)} is refused: {version.reason}")
    champion = champion_of(decisions)
    if champion is not None:
        better = _better(stores.registry, version, version_of(stores.registry, version.name, champion))
        if not better:
            return Outcome(
                version,
                "kept",
                f"{_named(version)} isn't surely better than the champion, version {champion}",
            )
    decider.decide(Wish(version.name, Act.PROMOTE, _BY, version.reason, version.version))
    return Outcome(version, "promoted", f"{_named(version)} is promoted: {version.reason}")


def _better(registry: Registry, challenger: Version, champion: Version) -> bool:
    """Whether the lower bound of the paired gain, on the books that both were tried on, is above 0."""
    try:
        theirs = orjson.loads(registry.files(champion)[artifact.ERRORS])
    except (Invalid, NotFound):  # a champion that can't be opened serves nobody
        return True
    ours = orjson.loads(registry.files(challenger)[artifact.ERRORS])
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        return True
    errors, others = (np.array([told[book] for book in both]) for told in (ours, theirs))
    return gain_over(errors, others, both).low > 0


def _named(version: Version) -> str:
    return f"{version.name} version {version.version}"
