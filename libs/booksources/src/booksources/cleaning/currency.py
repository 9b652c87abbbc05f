"""Which currency the signs and codes beside an amount mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.errors import Invalid
from booksources.cleaning.words import load_words
from booksources.reading import SourceProfile

_LOWER = frozenset(
    {"usd", "eur", "gbp", "chf", "inr", "rsd", "pln", "sek", "nok", "dkk", "czk", "huf"}
    | {"aud", "cad", "nzd", "brl", "jpy", "cny", "mxn"}
)


@dataclass(frozen=True, slots=True)
class CurrencyMark:
    """A sign or code: the currencies that it may mean, the likeliest first, and whether that one is meant
    when nothing else is declared.
    """

    text: str
    currencies: tuple[str, ...]
    is_own: bool = True


@cache
def list_signs() -> dict[str, CurrencyMark]:
    """The mark of each sign."""
    tables = load_words("signs")
    return {
        sign: CurrencyMark(sign, tuple(codes), is_own=table == "own")
        for table in ("own", "shared")
        for sign, codes in tables[table].items()
    }


def find_sign(text: str) -> CurrencyMark:
    """The mark of a sign in small or capital letters, with or without a space in it."""
    bare = text.replace(" ", "")
    return list_signs().get(bare) or _fold_signs()[bare.casefold()]


@cache
def _fold_signs() -> dict[str, CurrencyMark]:
    return {sign.casefold(): mark for sign, mark in list_signs().items()}


def find_code(word: str) -> CurrencyMark | None:
    """The mark of an ISO 4217 code; small letters only for codes that are no words. `GBp` is none: it is
    a hundredth of a pound.
    """
    if word in MINOR_DIGITS or (word.lower() in _LOWER and word[1:].islower() and word != "GBp"):
        return CurrencyMark(word, (word.upper(),))
    return None


def choose_currency(marks: Iterable[CurrencyMark], profile: SourceProfile) -> str:
    """The one currency that all marks may mean, by what the source declares when there are several.

    Raises: Invalid when they contradict each other, and when nothing decides.
    """
    stated = list(marks)
    if not stated:
        return _require_declared(profile)
    possible = [code for code in stated[0].currencies if all(code in mark.currencies for mark in stated[1:])]
    texts = " and ".join(dict.fromkeys(repr(mark.text) for mark in stated))
    if not possible:
        raise Invalid(f"prints {texts}, which are different currencies")
    declared = next((code for code in _list_declared(profile) if code in possible), None)
    if declared is not None:
        return declared
    if len(possible) == 1 and any(mark.is_own for mark in stated):
        return possible[0]
    if any(mark.is_own for mark in stated):
        return next(mark.currencies[0] for mark in stated if mark.is_own)
    raise Invalid(f"prints {texts}, the sign of several currencies; declare the source's `currency`")


def _require_declared(profile: SourceProfile) -> str:
    if profile.currency is None:
        raise Invalid("prints no currency; declare the source's `currency`")
    if profile.currency not in MINOR_DIGITS:
        raise Invalid(f"is in {profile.currency!r}, which is no currency code of ISO 4217")
    return profile.currency


def _list_declared(profile: SourceProfile) -> list[str]:
    """Declared currency, then those of territory, and of the language and its region."""
    if profile.currency is not None:
        return [profile.currency]
    places = load_words("signs")["places"]
    language, *subtags = profile.language.replace("_", "-").split("-")
    regions = [tag.upper() for tag in subtags if len(tag) == 2]
    named = [(profile.territory or "").upper(), *regions, "" if regions else language.lower()]
    return [places[name] for name in named if name in places][:1]
