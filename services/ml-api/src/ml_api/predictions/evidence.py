"""Anytime-valid bounds of means: they hold at all sample sizes together.

Repeated looks at ordinary confidence intervals find an effect by chance sooner or later. These are asymptotic
confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, 2021): a mixture of normal
distributions over the effect, with the sample variance. They need some values before the variance is
reliable, and are the tightest at about `_TUNED_TO` values.
"""

import math
from dataclasses import dataclass

ALPHA = 0.05
_FEWEST = 30
_TUNED_TO = 500
_RHO = (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA) + 1)) / _TUNED_TO
"""Squared: the mixture's variance that makes the bound the tightest there."""


@dataclass(frozen=True, slots=True)
class BoundedMean:
    """Mean of `count` values, from their sum and the sum of their squares."""

    count: int
    total: float
    squares: float

    @property
    def value(self) -> float:
        """0 without values."""
        return self.total / self.count if self.count else 0.0

    @property
    def half_width(self) -> float:
        """The true mean is within it at all counts together with probability 1 - ALPHA."""
        if self.count < _FEWEST:
            return math.inf
        n = self.count
        variance = max(self.squares / n - self.value**2, 0.0)
        spread = n * _RHO + 1
        return math.sqrt(variance * 2 * spread / (n * n * _RHO) * math.log(math.sqrt(spread) / ALPHA))

    @property
    def low(self) -> float:
        """Lower bound."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """Upper bound."""
        return self.value + self.half_width


@dataclass(frozen=True, slots=True)
class PairedErrors:
    """Books that both models predicted and whose price was observed later.

    `worse` is the mean of (squared log error of the challenger less that of the champion); `inside` the share
    of true prices in the challenger's intervals.
    """

    worse: BoundedMean
    inside: BoundedMean
