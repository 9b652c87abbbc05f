"""From what a person typed to what an engine is asked; the same plan for every engine."""

from dataclasses import dataclass

from bookcore.search import Filters, SearchQuery
from bookcore.search.text import query_tokens

FIELD_WEIGHTS = {"title": 4.0, "category_tokens": 1.5, "description": 1.0}
IDENTIFIER_WEIGHT = 100.0
FACETS = ("category", "source", "availability", "rating")


@dataclass(frozen=True, slots=True)
class Plan:
    """Every one of `words` must be found, and a word that begins with `prefix`; `identifier` alone suffices.

    All empty: every book, by id.
    """

    words: tuple[str, ...]
    prefix: str | None
    identifier: str | None
    filters: Filters

    @property
    def everything(self) -> bool:
        """Whether nothing was asked for but the filters."""
        return not self.words and self.prefix is None and self.identifier is None


def plan(query: SearchQuery) -> Plan:
    """The last word is taken as unfinished, unless a space follows it."""
    found = query_tokens(query.text)
    open_ended = bool(found) and not query.text[-1:].isspace()
    typed = query.text.strip()
    return Plan(
        words=tuple(found[:-1] if open_ended else found),
        prefix=found[-1] if open_ended else None,
        identifier=typed if 0 < len(typed) <= 128 else None,
        filters=query.filters,
    )
