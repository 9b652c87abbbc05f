"""What the README promises, each with an id; a test carries each, and carries nothing that isn't promised."""

from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T", bound=Callable[..., None])

PROMISES: dict[str, str] = {
    "whole-site": "All 1,000 books of the whole site arrive with every field as printed.",
    "unchanged-silent": "A second crawl of an unchanged site makes no change event.",
    "nothing-lost": "A process killed at any point loses nothing and doubles nothing.",
    "offline": "Without the network, the bundled sample shop is crawled instead.",
    "pasteable": "The three printed curl lines work as pasted.",
    "rebuild": "Catalogue and index can be rebuilt from the lake and come out equal.",
    "parked": "What can't be accepted is parked with the reason, and the rest goes on.",
    "clean-stop": "Ctrl-C stops everything; a second start goes on from what is there.",
    "token-needed": "Everything but sign-in, health and docs needs a token.",
    "same-on-servers": "On the real servers the same crawl ends in the same catalogue and index.",
    "survives-servers": "A server that is killed, slow or cut off under load costs time, never an event.",
    "no-lost-restart": "Every service and the gateway are replaced under load without one failed request.",
    "portal": "Signing up, keys, usage and a first request need nothing but a browser.",
    "flat-export": "An export streams in constant memory.",
    "gated": "A price model that doesn't surely beat guessing is refused, with the reason.",
    "byte-equal": "A model trained again on the same snapshot is the same, byte for byte.",
    "honest-prediction": "A refused model never answers: the answer is a labelled baseline with the reason.",
    "canary": "A new model answers more readers only while nothing speaks against it, else none.",
    "predictions-outlive": "A prediction that was answered is on record, even if ml-api is killed then.",
}


def carries(promise: str) -> Callable[[T], T]:
    """Mark a test as the one that proves a promise."""
    if promise not in PROMISES:
        raise LookupError(f"no promise {promise!r} in tests/promises.py")
    mark: Callable[[T], T] = pytest.mark.promise(promise)
    return mark
