"""Whether and where spans are sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """`url` of the collector, "" for none; `ratio` (0 to 1) of the traces that begin here are sampled."""

    url: str = ""
    ratio: float = 0.1
