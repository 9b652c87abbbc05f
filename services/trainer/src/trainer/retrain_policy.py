"""Decides whether a source is due for training: age, new books, drift, live error."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from scipy.stats import ks_2samp

from bookcore.domain.book import to_version
from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import EventLog
from bookcore.events.codec import decode
from bookcore.events.ml import PredictionMade
from bookcore.events.topics import PREDICTED
from bookml import snapshot
from bookml.features import NUMBERS, compute_features
from bookml.registry import ModelVersion, get_champion
from bookml.snapshot import SnapshotRow
from trainer.stores import TrainerStores

MIN_BOOKS = 100
"""New books, or predictions with an observed price, below which drift and live error are not checked."""
_SURE = 0.001  # of all features together: one false alarm in three years of daily checks
_LATEST = 20_000  # predictions read of each partition
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class RetrainLimits:
    """Limits that make a source due: age in days, share of new or repriced books, Kolmogorov-Smirnov distance
    of new books from old ones, ratio of live error to out-of-fold error."""

    days: float = 30.0
    share: float = 0.2
    drift: float = 0.2
    error: float = 1.25


@dataclass(frozen=True, slots=True)
class RetrainDecision:
    """Whether a source is due, and all findings."""

    source: str
    needed: bool
    reason: str


def decide_retraining(stores: TrainerStores, source: str, limits: RetrainLimits) -> RetrainDecision:
    """Needs an up-to-date history. Raises: NotFound without books, Unavailable."""
    latest = _find_latest_version(stores, source)
    now = snapshot.read_current_rows(stores.lake, source)
    if not now:
        raise NotFound(f"no books of {source!r} with a price are in the history; import or crawl some first")
    if latest is None:
        return RetrainDecision(source, needed=True, reason=f"there is no model of {source} yet")
    try:
        then = snapshot.read_rows(stores.lake, snapshot.read_manifest(stores.lake, latest.snapshot))
    except (NotFound, Invalid) as error:
        return RetrainDecision(
            source, needed=True, reason=f"the snapshot of version {latest.version} can't be read: {error}"
        )
    now = [book for book in now if book.currency == latest.currency]
    findings = [
        *_check_volume(then, now, limits),
        *_check_age(stores, latest, limits),
        *_check_drift(then, now, limits),
        *_check_live_error(stores, latest, now, limits),
    ]
    if not findings[0][1]:
        return RetrainDecision(source, needed=False, reason="no book is new or has another price")
    over = [f"{text} (limit {limit:g})" for text, value, limit in findings if value > limit]
    if over:
        return RetrainDecision(source, needed=True, reason="; ".join(over))
    return RetrainDecision(source, needed=False, reason="; ".join(text for text, _, _ in findings))


Finding = tuple[str, float, float]
"""(sentence, value, limit)."""


def _find_latest_version(stores: TrainerStores, source: str) -> ModelVersion | None:
    versions = [
        version
        for name in stores.registry.list_names()
        for version in stores.registry.list_versions(name)
        if version.source == source
    ]
    return max(versions, key=lambda version: (version.created_at, version.version), default=None)


def _check_age(stores: TrainerStores, latest: ModelVersion, limits: RetrainLimits) -> Iterator[Finding]:
    days = (stores.clock.now() - latest.created_at).total_seconds() / _DAY
    yield f"version {latest.version} is {days:.0f} days old", days, limits.days


def _check_volume(
    then: Sequence[SnapshotRow], now: Sequence[SnapshotRow], limits: RetrainLimits
) -> Iterator[Finding]:
    known = {book.id: book.price for book in then}
    new = sum(book.id not in known for book in now)
    repriced = sum(book.id in known and known[book.id] != book.price for book in now)
    share = (new + repriced) / max(1, len(known))
    yield (
        f"{new} books are new and {repriced} have another price, {share:.0%} of those it knew",
        share,
        limits.share,
    )


def _check_drift(
    then: Sequence[SnapshotRow], now: Sequence[SnapshotRow], limits: RetrainLimits
) -> Iterator[Finding]:
    """The feature with the largest significant distance."""
    known = {book.id for book in then}
    new = [book for book in now if book.id not in known]
    if len(new) < MIN_BOOKS:
        return
    old_numbers, new_numbers = (
        np.array([compute_features(book.facts).numbers for book in books]) for books in (then, new)
    )
    far, name = 0.0, ""
    for at, feature in enumerate(NUMBERS):
        old, fresh = (numbers[~np.isnan(numbers[:, at]), at] for numbers in (old_numbers, new_numbers))
        if min(len(old), len(fresh)) < MIN_BOOKS:
            continue
        test = ks_2samp(old, fresh, method="asymp")
        if test.pvalue < _SURE / len(NUMBERS) and test.statistic > far:
            far, name = float(test.statistic), feature
    if name:
        yield f"{name} of new books is {far:.2f} away from that of the old ones", far, limits.drift


def _check_live_error(
    stores: TrainerStores, latest: ModelVersion, now: Sequence[SnapshotRow], limits: RetrainLimits
) -> Iterator[Finding]:
    """The champion's predictions against prices that were observed after them."""
    champion = get_champion(stores.registry.list_decisions(latest.name))
    version = {version.version: version for version in stores.registry.list_versions(latest.name)}.get(
        champion or 0
    )
    if version is None:
        return
    true = {book.id: book for book in now}
    errors = [
        math.log1p(float(Decimal(prediction.price))) - math.log1p(float(book.price))
        for prediction in _read_predictions(stores.log, version)
        if (book := true.get(prediction.book_id or "")) and book.event_time > to_version(prediction.made_at)
    ]
    expected = version.metrics.get("rmsle", 0.0)
    if len(errors) >= MIN_BOOKS and expected > 0:
        live = float(np.sqrt(np.mean(np.square(errors))))
        text = f"the live error is {live:.3f} on {len(errors)} books, {expected:.3f} was expected"
        yield text, live / expected, limits.error


def _read_predictions(log: EventLog, version: ModelVersion) -> Iterator[PredictionMade]:
    """The newest predictions of this version, of every partition."""
    of = ("model", version.digest)
    for part in log.read_progress(PREDICTED.name, "trainer.retrain_policy"):
        first = max(0, part.end - _LATEST)
        while records := log.read(PREDICTED.name, part.partition, first, 1_000):
            first = records[-1].offset + 1
            for record in records:
                try:
                    event = decode(record).event
                except Invalid:
                    continue
                if isinstance(event, PredictionMade) and (event.kind, event.digest) == of:
                    yield event
