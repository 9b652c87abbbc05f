"""How alike words are: one typed word beside all words of all candidates at once."""

from collections.abc import Iterator, Sequence

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from bookcore.search import WordMatch

_SHORTEST = 3
"""Characters: a shorter word has no misspellings."""


class Likenesses(dict[str, float]):
    """The candidates' words that are like one typed word, with their likeness above 0.

    `whole` and `nothing` are the commonest matches of the typed word: found as it is, not found.
    """

    def __init__(self, typed: str, there: Sequence[str], *, is_prefix: bool) -> None:
        super().__init__(_find_alike(typed, there, is_prefix=is_prefix))
        self.whole = WordMatch(typed, typed, "title", 1.0)
        self.nothing = WordMatch(typed, "", "", 0.0)


def measure_likeness(text: str, other: str) -> float:
    """Likeness 0 to 1 of joined texts: a quarter of the letters may differ."""
    longest = max(len(text), len(other))
    allowed = max(1, round(0.25 * longest))
    if abs(len(text) - len(other)) > allowed:
        return 0.0
    edits = OSA.distance(text, other, score_cutoff=allowed)
    return _rate_edits(edits, longest) if edits <= allowed else 0.0


def _find_alike(typed: str, there: Sequence[str], *, is_prefix: bool) -> dict[str, float]:
    """Equal, misspelled by one edit from three letters and by two from seven, or begun."""
    found = dict(_find_misspelled(typed, there)) if _may_be_misspelled(typed) else {}
    if is_prefix:
        for other, likeness in _find_begun(typed, there):
            found[other] = max(likeness, found.get(other, 0.0))
    if typed in there:
        found[typed] = 1.0
    return found


def _may_be_misspelled(typed: str) -> bool:
    return len(typed) >= _SHORTEST and typed.isalnum() and not typed[0].isdigit()


def _count_allowed(typed: str) -> int:
    return 2 if len(typed) >= 7 else 1


def _find_misspelled(typed: str, there: Sequence[str]) -> Iterator[tuple[str, float]]:
    near = extract(typed, there, scorer=OSA.distance, score_cutoff=_count_allowed(typed), limit=None)
    for other, edits, _ in near:
        if not other[0].isdigit():
            yield other, _rate_edits(edits, max(len(typed), len(other)))


def _find_begun(typed: str, there: Sequence[str]) -> Iterator[tuple[str, float]]:
    length = len(typed)
    longer = [other for other in there if len(other) > length]
    yield from ((o, 0.94 + 0.05 * length / len(o)) for o in longer if o.startswith(typed))
    if length <= _SHORTEST or not _may_be_misspelled(typed):
        return
    letters = set(typed[:2])
    likely = [other for other in longer if letters.intersection(other[:2])]
    for cut in (length - 1, length, length + 1):
        starts = [other[:cut] for other in likely]
        allowed = _count_allowed(typed)
        for _, edits, at in extract(typed, starts, scorer=OSA.distance, score_cutoff=allowed, limit=None):
            if not likely[at][0].isdigit():
                yield likely[at], 0.96 * _rate_edits(edits, length)


def _rate_edits(edits: float, length: int) -> float:
    return 1.0 - 1.15 * edits / (length + 1)
