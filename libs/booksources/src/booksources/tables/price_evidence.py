"""Which language, decimal sign and currency a table is in, by its values and the names of its columns."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from booksources.cleaning.price_text import fold_price, list_amounts, split_price
from booksources.tables.evidence import Column

_COMMA = re.compile(r"\d,\d{1,2}(?!\d)|\d\.\d{3}(?!\d)")
_POINT = re.compile(r"\d\.\d{1,2}(?!\d)|\d,\d{3}(?!\d)")
_NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}")
_WORDS = {
    "sr": "naziv naslov autor cena izdavac godina izdanja opis kategorija strana povez jezik",
    "de": "titel autor preis verlag seiten erscheinungsjahr sprache beschreibung einband auflage",
    "fr": "titre auteur prix editeur annee langue categorie resume",
    "es": "titulo autor precio editorial ano idioma paginas categoria descripcion",
    "it": "titolo autore prezzo editore anno lingua pagine categoria descrizione",
    "pt": "titulo autor preco editora ano idioma paginas categoria descricao",
    "nl": "titel auteur prijs uitgever jaar taal bladzijden categorie",
    "pl": "tytul autor cena wydawnictwo rok jezyk strony kategoria opis",
}
_CURRENCIES = {"sr": "RSD", "pl": "PLN", "de": "EUR", "fr": "EUR", "es": "EUR", "it": "EUR", "nl": "EUR"}
_DOMAINS = {
    "amazon.com": "USD",
    ".in": "INR",
    ".co.uk": "GBP",
    ".com.au": "AUD",
    ".ca": "CAD",
    ".pl": "PLN",
    ".rs": "RSD",
    ".com.br": "BRL",
    ".de": "EUR",
    ".fr": "EUR",
    ".es": "EUR",
    ".it": "EUR",
    ".nl": "EUR",
}
_USUAL = {"$": "USD", "\u00a5": "JPY", "Rs": "INR", "Rs.": "INR", "\u20a8": "INR", "Re.": "INR"}


@dataclass(frozen=True, slots=True)
class ProfileGuess:
    """What a mapping's `[profile]` may say, and from what it is guessed."""

    language: str = "en"
    language_why: str = ""
    decimal: str | None = None
    currency: str | None = None
    currency_why: str = ""
    needs_currency: bool = False


def infer_profile(matches: Mapping[str, Column], columns: Sequence[Column]) -> ProfileGuess:
    """The profile of a table whose fields are matched."""
    language, why = _infer_language(columns)
    if language == "en" and "published" in matches:
        language, why = _infer_order(matches["published"])
    price = matches.get("price")
    if price is None:
        return ProfileGuess(language, why)
    comma, point = (sum(bool(form.search(text)) for text in price.values) for form in (_COMMA, _POINT))
    decimal = "," if comma > point else "."
    if "currency" in matches:
        return ProfileGuess(language, why, decimal)
    currency, reason = _infer_currency(price, matches, language)
    return ProfileGuess(language, why, decimal, currency, reason, needs_currency=currency is None)


def _infer_language(columns: Sequence[Column]) -> tuple[str, str]:
    words = {word for column in columns for word in column.words.split()}
    hits = Counter({language: len(words & set(known.split())) for language, known in _WORDS.items()})
    language, count = hits.most_common(1)[0]
    return (language, "guessed from the names of the columns") if count >= 3 else ("en", "")


def _infer_order(column: Column) -> tuple[str, str]:
    """English with the order of day and month that the dates show."""
    dates = [match for text in column.values if (match := _NUMBERS.match(text))]
    first, second = (sum(int(match[place]) > 12 for match in dates) for place in (1, 2))
    if second and not first:
        return "en-US", "guessed: dates have the month first"
    return ("en-GB", "guessed: dates have the day first") if first and not second else ("en", "")


def _infer_currency(price: Column, matches: Mapping[str, Column], language: str) -> tuple[str | None, str]:
    printed = Counter(code for text in price.values for code in _list_currencies(text))
    if printed and printed.most_common(1)[0][1] >= 0.5 * len(price.values):
        code, _ = printed.most_common(1)[0]
        return code, "guessed from the prices" if "$" in "".join(price.values[:50]) else ""
    signs = re.sub(r"[^\w$\u00a3\u20ac\u20b9\u00a5]+|_", " ", price.name)
    named = _list_currencies(f"{signs} 1")
    if named:
        return named[0], "guessed from the name of the column"
    for field in ("url", "image_url"):
        hosts = Counter(_find_host(text) for text in matches[field].values) if field in matches else Counter()
        host = hosts.most_common(1)[0][0] if hosts else ""
        known = next((code for end, code in _DOMAINS.items() if host.endswith(end)), None)
        if known:
            return known, f"guessed from {host}"
    if language in _CURRENCIES:
        return _CURRENCIES[language], "guessed from the language of the columns"
    return None, ""


def _list_currencies(text: str) -> list[str]:
    """Currencies that the signs and codes of a text mean, or usually mean."""
    parts = split_price(fold_price(text[:80]))
    marks = [mark for amount in list_amounts(parts) for mark in amount.marks] or [
        part.mark for part in parts if part.mark
    ]
    return [_USUAL.get(mark.text, mark.currencies[0]) for mark in marks if mark.is_own or mark.text in _USUAL]


def _find_host(url: str) -> str:
    match = re.match(r"https?://([^/:?#]+)", url)
    return match[1].lower() if match else ""
