"""A rate limit as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """`requests` at once, regained evenly over `window` seconds; `name` appears in the RateLimit headers.

    Those `beside` it are counted elsewhere and only told with it.
    """

    name: str
    requests: int
    window: float = 60.0
    beside: "tuple[Quota, ...]" = ()
