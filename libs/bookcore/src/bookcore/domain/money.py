"""Exact amounts of money."""

from dataclasses import dataclass
from decimal import Decimal

from bookcore.domain.currencies import MINOR_DIGITS, USUAL_DIGITS


@dataclass(frozen=True, slots=True)
class Money:
    """An exact, non-negative amount in major units with its ISO 4217 currency; 51.77 GBP."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.plain} {self.currency}"

    @property
    def plain(self) -> str:
        """The amount with the currency's number of decimals, for example 51.77 or 1200, and never rounded."""
        digits = MINOR_DIGITS.get(self.currency, USUAL_DIGITS)
        text = f"{self.amount:.{digits}f}"
        if digits or Decimal(text) == self.amount:
            return text
        return f"{self.amount:f}"  # stored before it was known that the currency has no cents

    @property
    def has_minor_units(self) -> bool:
        """Whether the amount has no more decimals than its currency."""
        digits = MINOR_DIGITS.get(self.currency, USUAL_DIGITS)
        return self.amount == round(self.amount, digits)
