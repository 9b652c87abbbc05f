"""Counts of requests to the public pages; requests to `/_shop/` are not counted."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestCounter:
    """Counts since the start by HTTP status, kind of path and fault."""

    by_status: Counter[int] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)

    def record(self, status: int, kind: str, fault: str | None = None) -> None:
        self.by_status[status] += 1
        self.by_kind[kind] += 1
        if fault is not None:
            self.by_fault[fault] += 1
