"""Identifiers of publications: URNs, URLs and bare ISBNs."""

import re
from urllib.parse import unquote

from bookcore.domain.errors import Invalid
from booksources.cleaning.isbn import read_isbn

_PREFIX = re.compile(r"(?:urn:)?isbn[:\s]*", re.IGNORECASE)


def read_identifiers(texts: list[str]) -> dict[str, str]:
    """The first ISBN among the texts; others are the listing's own keys and no identifiers of the book."""
    for text in texts:
        bare = _PREFIX.sub("", unquote(text), count=1)
        if not _PREFIX.match(text) and not re.fullmatch(r"[\d\s-]{9,16}[\dXx]", bare):
            continue
        try:
            return {"isbn": read_isbn(bare)}
        except Invalid:
            continue
    return {}
