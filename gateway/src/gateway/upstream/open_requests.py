"""Open requests of each caller and network: one that reads slowly, or asks often, leaves room for others."""

from typing import NamedTuple

_FLOOR = 8
"""Requests that a holder may always have; with a full pool they wait."""
_CALLER_ALPHA, _NETWORK_ALPHA = 2, 8
"""A network may have many callers behind it, so it gets more."""


class FairShare:
    """Dynamic thresholds (Choudhury and Hahne, 1998) over a number of slots.

    A holder gets another slot while it has fewer than `alpha` times the free ones. With 2, one alone gets two
    thirds, two get two fifths each, and a newcomer finds a free one.
    """

    def __init__(self, slots: int, *, alpha: int) -> None:
        self._free, self._alpha = slots, alpha
        self._held: dict[str, int] = {}

    def resize(self, by: int) -> None:
        """More slots, or fewer."""
        self._free += by

    def has_room(self, key: str) -> bool:
        return self._held.get(key, 0) < max(_FLOOR, self._alpha * self._free)

    def acquire(self, key: str) -> None:
        self._free -= 1
        self._held[key] = self._held.get(key, 0) + 1

    def release(self, key: str) -> None:
        self._free += 1
        count = self._held[key] - 1
        if count:
            self._held[key] = count
        else:
            del self._held[key]


class StreamLimit:
    """Long responses that one caller, and one network, may have open in this process."""

    def __init__(self, *, per_caller: int, per_network: int) -> None:
        self._limits = per_caller, per_network
        self._held: dict[str, int] = {}

    def has_room(self, caller_id: str, network: str) -> bool:
        per_caller, per_network = self._limits
        held = self._held
        return held.get(f"user {caller_id}", 0) < per_caller and held.get(network, 0) < per_network

    def acquire(self, caller_id: str, network: str) -> None:
        for key in (f"user {caller_id}", network):
            self._held[key] = self._held.get(key, 0) + 1

    def release(self, caller_id: str, network: str) -> None:
        for key in (f"user {caller_id}", network):
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


class Holder(NamedTuple):
    """The origin of a request; an export has a limit of its own beside the fair share."""

    caller_id: str
    network: str
    is_export: bool = False


class OpenRequests:
    """Of one service with so many connections."""

    def __init__(self, slots: int, export_limit: StreamLimit) -> None:
        self._slots = slots
        self._export_limit = export_limit
        self._by_caller = FairShare(slots, alpha=_CALLER_ALPHA)
        self._by_network = FairShare(slots, alpha=_NETWORK_ALPHA)

    def resize(self, slots: int) -> None:
        """The service has another number of connections."""
        self._by_caller.resize(slots - self._slots)
        self._by_network.resize(slots - self._slots)
        self._slots = slots

    def acquire(self, holder: Holder) -> bool:
        """False when the holder has its share."""
        caller_id, network, is_export = holder
        if is_export and not self._export_limit.has_room(caller_id, network):
            return False
        if not (self._by_caller.has_room(caller_id) and self._by_network.has_room(network)):
            return False
        self._by_caller.acquire(caller_id)
        self._by_network.acquire(network)
        if is_export:
            self._export_limit.acquire(caller_id, network)
        return True

    def release(self, holder: Holder) -> None:
        caller_id, network, is_export = holder
        self._by_caller.release(caller_id)
        self._by_network.release(network)
        if is_export:
            self._export_limit.release(caller_id, network)
