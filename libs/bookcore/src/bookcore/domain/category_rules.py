"""Rules that place the categories of sources in the managed tree."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bookcore.domain.errors import Conflict, Invalid, NotFound

MAX_RULES = 100_000
MAX_PATTERNS = 1_000
_MAX_TEXT = 200
_MAX_MEMORY = 100_000  # places
_MAX_STARS = 3
_SOURCE = re.compile(r"[a-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What a source (None: any source) calls `printed` belongs to the category with that id.

    Case, accents' composition and repeated spaces don't count. `*` stands for any characters: `sci-fi*`. The
    most specific rule wins: one of the source before one of any source, whole texts before those with `*`,
    longer before shorter ones.
    """

    printed: str
    source: str | None
    category: str


class CategoryRules:
    """All rules; at most one for a printed text and source."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str | None, str], CategoryRule] = {}
        self._patterns: dict[tuple[str | None, str], CategoryRule] = {}
        self._compiled: dict[str, re.Pattern[str]] = {}
        self._placed: dict[tuple[str | None, str], str | None] = {}
        self._sources: Mapping[str, Sequence[str]] | None = None

    def __iter__(self) -> Iterator[CategoryRule]:
        rules = (*self._exact.values(), *self._patterns.values())
        return iter(sorted(rules, key=lambda rule: (fold_name(rule.printed), rule.source or "")))

    def copy(self) -> "CategoryRules":
        """Rules that change apart from these."""
        other = CategoryRules()
        other._exact, other._patterns = dict(self._exact), dict(self._patterns)
        other._compiled = self._compiled
        return other

    def keep(self, rule: CategoryRule) -> None:
        """Adds a rule, or replaces the one for the same text and source.

        Raises: Invalid for a text that can't be a category, too many `*`, or a source that can't be one;
        Conflict when there are too many rules.
        """
        _check_rule(rule)
        folded = fold_name(rule.printed)
        held, most = (self._patterns, MAX_PATTERNS) if "*" in folded else (self._exact, MAX_RULES)
        if (rule.source, folded) not in held and len(held) >= most:
            raise Conflict(f"there are {most:,} such rules, the most that there can be")
        held[rule.source, folded] = rule
        self._forget_places()

    def drop(self, printed: str, source: str | None) -> None:
        """Raises: NotFound when there is none."""
        key = (source, fold_name(printed))
        if key not in self._exact and key not in self._patterns:
            of_source = f" of source {source!r}" if source else ""
            raise NotFound(f"no rule for {printed!r}{of_source}")
        self._exact.pop(key, None)
        self._patterns.pop(key, None)
        self._forget_places()

    def redirect(self, was: str, now: str) -> None:
        """Rules of one category become rules of another."""
        for held in (self._exact, self._patterns):
            held.update({key: replace(r, category=now) for key, r in held.items() if r.category == was})
        self._forget_places()

    def place(self, source: str | None, printed: str) -> str | None:
        """The category of what that source calls `printed`; of a source without rules of its own for None.

        None where no rule applies.
        """
        key = (source, printed)
        if key in (placed := self._placed):
            return placed[key]
        found = self._find_place(source, fold_name(printed))
        if len(placed) < _MAX_MEMORY:
            placed[key] = found
        return found

    def place_by_source(self, printed: str) -> Mapping[str, str]:
        """Category by source, for the sources that have a rule of their own for this text."""
        folded = fold_name(printed)
        sources = set(self._list_sources().get(folded, ()))
        sources |= {source for source, text in self._patterns if source and self._matches(text, folded)}
        found = {source: self.place(source, printed) for source in sources}
        return {source: category for source, category in found.items() if category is not None}

    def _list_sources(self) -> Mapping[str, Sequence[str]]:
        """Of the rules without `*`, by text."""
        if self._sources is None:
            sources: dict[str, list[str]] = {}
            for source, text in self._exact:
                if source:
                    sources.setdefault(text, []).append(source)
            self._sources = sources
        return self._sources

    def _forget_places(self) -> None:
        self._placed, self._sources = {}, None

    def _find_place(self, source: str | None, folded: str) -> str | None:
        for asked in dict.fromkeys((source, None)):
            rule = self._exact.get((asked, folded)) or self._find_pattern(asked, folded)
            if rule is not None:
                return rule.category
        return None

    def _find_pattern(self, source: str | None, folded: str) -> CategoryRule | None:
        matching = [
            (-len(text), text)
            for asked, text in self._patterns
            if asked == source and self._matches(text, folded)
        ]
        return self._patterns[source, min(matching)[1]] if matching else None

    def _matches(self, pattern: str, folded: str) -> bool:
        compiled = self._compiled.get(pattern)
        if compiled is None:
            parts = (re.escape(part) for part in pattern.split("*"))
            compiled = self._compiled[pattern] = re.compile(".*".join(parts), re.DOTALL)
        return compiled.fullmatch(folded) is not None


def fold_name(name: str, *, accents: bool = True) -> str:
    """Names that differ by case, composition of accents or repeated spaces are equal; without accents, `é`
    is `e`, too.
    """
    if not accents:
        name = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_rule(rule: CategoryRule) -> None:
    folded = fold_name(rule.printed)
    if not folded.strip("* ") or len(rule.printed) > _MAX_TEXT or not rule.printed.isprintable():
        raise Invalid(f"must be 1-{_MAX_TEXT} printable characters besides *", field="printed")
    if folded.count("*") > _MAX_STARS:
        raise Invalid(f"has more than {_MAX_STARS} *", field="printed")
    if rule.source is not None and not _SOURCE.fullmatch(rule.source):
        raise Invalid("must be 1-40 of a-z, 0-9, _", field="source")
