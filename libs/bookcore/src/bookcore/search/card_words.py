"""The words of a card by field, taken apart once for a card that is often a candidate."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bookcore.search.cards import Card

_KEPT = 5_000
"""Cards; about three kilobytes each."""


@dataclass(frozen=True, slots=True)
class CardWords:
    """The words of titles, people and series; `joined` is the titles without spaces."""

    title: frozenset[str]
    people: frozenset[str]
    series: frozenset[str]
    titles: tuple[str, ...]
    joined: tuple[str, ...]

    def has_pair(self, typed: str) -> bool:
        """Whether two neighbours of a title are this word: `mocking bird`."""
        for title, joined in zip(self.titles, self.joined, strict=True):
            if typed in joined and any(a + b == typed for a, b in pairwise(title.split(" "))):
                return True
        return False


@lru_cache(maxsize=_KEPT)
def split_card(card: Card) -> CardWords:
    """A bounded cache: the candidates of searches are often the same books."""
    return CardWords(
        title=frozenset(" ".join(card.titles).split()),
        people=frozenset(" ".join(card.people).split()),
        series=frozenset([*" ".join(card.series).split(), *filter(None, [card.number])]),
        titles=card.titles,
        joined=tuple(title.replace(" ", "") for title in card.titles),
    )
