"""Whether a book is sold now, and how many copies there are."""

from dataclasses import dataclass
from enum import StrEnum


class AvailabilityStatus(StrEnum):
    """Whether the source sells the book now."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    UNKNOWN = "unknown"
    DELISTED = "delisted"


@dataclass(frozen=True, slots=True)
class Availability:
    """Status and, where the source prints it, the number of copies."""

    status: AvailabilityStatus
    quantity: int | None = None
