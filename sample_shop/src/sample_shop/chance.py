"""Repeatable choices: 64-bit mixing (splitmix64) instead of `random.Random`, whose seeding costs more
than a whole page.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

Option = TypeVar("Option")

GOLDEN = 0x9E3779B97F4A7C15  # odd, so number -> number * GOLDEN never collides modulo 2**64
MASK = 0xFFFF_FFFF_FFFF_FFFF


def mix(value: int) -> int:
    """A bijection of the 64-bit integers: different inputs give different outputs, which keeps UPCs
    unique.
    """
    value &= MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def derive_bits(seed: int, topic: str, number: int) -> int:
    """64 bits for the given number within one topic; injective in `number` for a fixed seed and topic."""
    return mix(_derive_base(seed, topic) + number * GOLDEN)


@lru_cache(maxsize=1024)
def _derive_base(seed: int, topic: str) -> int:
    return mix(seed * GOLDEN + int.from_bytes(topic.encode(), "big"))


class Dice:
    """An endless sequence of choices that depends on nothing but its starting value."""

    __slots__ = ("_state",)

    def __init__(self, start: int) -> None:
        self._state = start

    def draw_below(self, limit: int) -> int:
        """An integer in 0..limit-1."""
        self._state = (self._state + GOLDEN) & MASK
        return mix(self._state) % limit

    def pick(self, options: Sequence[Option]) -> Option:
        return options[self.draw_below(len(options))]
