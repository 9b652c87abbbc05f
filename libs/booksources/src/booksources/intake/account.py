"""What became of the records of a file."""

from dataclasses import dataclass, field

from bookcore.domain.printed_listing import Remark

_MOST_REASONS = 200


@dataclass(slots=True)
class IntakeAccount:
    """Counts of a file: records, books, records equal to an earlier one, withdrawn books, parked records by
    reason (without printed values), dropped values by field with an example each.
    """

    rows: int = 0
    books: int = 0
    equal: int = 0
    gone: int = 0
    parked: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def format_counts(self, done: str) -> str:
        """The counts on one line; `done` follows the number of books, such as `published`."""
        more = {"equal": self.equal, "withdrawn": self.gone}
        shown = "".join(f" · {count} {word}" for word, count in more.items() if count)
        return f"{self.rows} rows are {self.books} books · {self.books} {done}{shown} · {self.parked} parked"

    def count_refusal(self, reason: str) -> None:
        """Count a parked record."""
        self.parked += 1
        short = reason.partition(": ")[0]
        if short not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            short = "other reasons"
        self.reasons[short] = self.reasons.get(short, 0) + 1

    def count_remark(self, remark: Remark, place: str) -> None:
        """Count a dropped value."""
        self.dropped[remark.field] = self.dropped.get(remark.field, 0) + 1
        self.examples.setdefault(remark.field, f"{place}: {remark.printed[:80]!r} {remark.reason}")

    def list_details(self, *, most: int = 10) -> list[str]:
        """Lines to print: the most frequent reasons of parked records, and all fields with dropped values."""
        parked = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))[:most]
        dropped = sorted(self.dropped.items(), key=lambda item: (-item[1], item[0]))
        return [
            *(f"  parked: {count} x {reason}" for reason, count in parked),
            *(f"  dropped: {count} x {name}, as in {self.examples[name]}" for name, count in dropped),
        ]
