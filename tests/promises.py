"""The guarantees of the README by id; each has a test that carries it, and no test carries another."""

from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T", bound=Callable[..., None])

PROMISES: dict[str, str] = {
    "whole-site": "All 1,000 books of the whole site arrive with every field as printed.",
    "unchanged-silent": "A second crawl of an unchanged site publishes no change event.",
    "nothing-lost": "A process killed at any point loses no event and duplicates no effect.",
    "offline": "Without the network, the bundled sample shop is crawled instead.",
    "pasteable": "The three printed curl lines work as pasted.",
    "rebuild": "Catalogue and index can be rebuilt from the lake and come out equal.",
    "parked": "A record that can't be accepted is parked with the reason, and the rest is processed.",
    "any-shop": "A shop whose pages state schema.org is crawled without code of its own.",
    "fields-apart": "A value that can't be read costs its field, never its book, and is counted.",
    "withdrawn": "A book that its source no longer has is withdrawn, and comes back when it is seen.",
    "scheduled": "A source with a schedule is crawled when it is due, once in the whole fleet.",
    "no-change-missed": "A client that goes on with `next` of the feed of changes misses no change.",
    "forgiving": "Misspelled, cut, joined and respelled texts find the book that was meant.",
    "clean-stop": "Ctrl-C stops every process; a second start resumes.",
    "token-needed": "Every route except sign-in, health and docs requires a token.",
    "same-on-servers": "On the real servers the same crawl ends in the same catalogue and index.",
    "survives-servers": "A server killed, slow or disconnected under load costs time, never an event.",
    "no-lost-restart": "Every service and the gateway are replaced under load without one failed request.",
    "portal": "Signing up, keys, usage and a first request need only a browser.",
    "flat-export": "An export streams in constant memory.",
    "gated": "A price model must beat the baseline with 95 % confidence, or is rejected with reason.",
    "byte-equal": "A model trained again on the same snapshot is the same, byte for byte.",
    "honest-prediction": "A rejected model never answers; a labelled baseline with the reason does.",
    "canary": "A canary model gets more traffic only while every guardrail holds, otherwise none.",
    "predictions-outlive": "A prediction that was returned is on record, even if ml-api is killed then.",
}


def carries(promise: str) -> Callable[[T], T]:
    """Marks a test as the proof of a promise."""
    if promise not in PROMISES:
        raise LookupError(f"no promise {promise!r} in tests/promises.py")
    mark: Callable[[T], T] = pytest.mark.promise(promise)
    return mark
