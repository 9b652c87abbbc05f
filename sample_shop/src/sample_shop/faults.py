"""What can go wrong on purpose, and the desk that decides which requests it happens to: by seed and
count, never by chance.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from sample_shop.addresses import HTML, Address, PathKind
from sample_shop.chance import derive_bits


class FaultKind(StrEnum):
    """Values of `--fault`."""

    TOO_MANY = "429"
    FAILURE = "500"
    SLOW = "slow"
    BROKEN = "broken"
    MISSING_PRICE = "missing-price"
    BAD_PRICE = "bad-price"
    NAN_PRICE = "nan-price"
    WRONG_CHARSET = "wrong-charset"
    REDIRECT_PRIVATE = "redirect-private"
    ENDLESS = "endless"
    HUGE = "huge"


PRODUCT_ONLY = (FaultKind.BROKEN, FaultKind.MISSING_PRICE, FaultKind.BAD_PRICE, FaultKind.NAN_PRICE)
HTML_ONLY = (*PRODUCT_ONLY, FaultKind.WRONG_CHARSET)


@dataclass(frozen=True, slots=True)
class Fault:
    """Happens to `share` (0..1) of the requests it may touch, and ends after `count` of them.

    Without `path_prefix` it may touch HTML pages; with one, any path that begins so.
    `seconds` is how long `slow` waits.
    """

    kind: FaultKind
    share: float
    path_prefix: str = ""
    count: int | None = None
    seconds: float = 3.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of a fault is a number from 0 to 1, not {self.share}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"the count of a fault is 1 or more, not {self.count}")
        if not 0 <= self.seconds <= 600:
            raise ValueError(f"a slow answer waits 0 to 600 seconds, not {self.seconds}")

    def can_affect(self, path: str, address: Address) -> bool:
        if self.kind in PRODUCT_ONLY and address.kind is not PathKind.PRODUCT:
            return False
        if address.kind not in HTML and (self.kind in HTML_ONLY or not self.path_prefix):
            return False
        return path.startswith(self.path_prefix)


def parse_kind(word: str) -> FaultKind:
    """Raises: ValueError that lists the kinds."""
    try:
        return FaultKind(word)
    except ValueError:
        raise ValueError(f"no fault is called {word!r}; there are {', '.join(FaultKind)}") from None


def parse_fault(text: str, *, seconds: float = 3.0) -> Fault:
    """ "429:0.05" -> five requests in a hundred. ValueError says what is wrong with the text."""
    kind, _, share = text.partition(":")
    try:
        number = float(share)
    except ValueError:
        raise ValueError(f"a fault is written KIND:SHARE, such as 429:0.05, not {text!r}") from None
    return Fault(parse_kind(kind), number, seconds=seconds)


@dataclass(slots=True)
class _ActiveFault:
    fault: Fault
    seen: int = 0
    done: int = 0

    @property
    def is_over(self) -> bool:
        return self.fault.count is not None and self.done >= self.fault.count


@dataclass(slots=True)
class FaultInjector:
    """Selects faults in the order of their activation; at most one affects a request."""

    seed: int
    _running: list[_ActiveFault] = field(default_factory=list)

    @classmethod
    def create(cls, seed: int, faults: Iterable[Fault]) -> "FaultInjector":
        injector = cls(seed)
        for fault in faults:
            injector.activate(fault)
        return injector

    def activate(self, fault: Fault) -> None:
        """Replace a fault of the same kind and prefix and reset its count."""
        same = (fault.kind, fault.path_prefix)
        self._running = [
            active for active in self._running if (active.fault.kind, active.fault.path_prefix) != same
        ]
        self._running.append(_ActiveFault(fault))

    def clear(self) -> None:
        self._running = []

    def list_active(self) -> tuple[Fault, ...]:
        return tuple(active.fault for active in self._running if not active.is_over)

    def draw(self, path: str, address: Address) -> Fault | None:
        """The fault of this request, if any; counts the request."""
        for running in self._running:
            if not running.is_over and running.fault.can_affect(path, address) and self._is_hit(running):
                running.done += 1
                return running.fault
        return None

    def _is_hit(self, running: _ActiveFault) -> bool:
        running.seen += 1
        return derive_bits(self.seed, running.fault.kind, running.seen) / 2**64 < running.fault.share
