"""Updates that state only some blocks of a listing, as ONIX sends them; the other blocks stay as they were.

The names and contents are those of the blocks of ONIX 3.
"""

from dataclasses import replace

from bookcore.domain.book import Book
from bookcore.domain.details import Details

_BOOK_FIELDS = {
    "descriptive": ("title", "category"),
    "collateral": ("description", "image_url"),
    "publishing": (),
    "supply": ("price", "availability", "offers"),
}
_DETAILS_FIELDS = {
    "descriptive": (
        *("authors", "contributors", "subtitle", "pages", "format", "edition", "language", "languages"),
        *("series", "subjects", "width_mm", "height_mm", "thickness_mm", "weight_g"),
    ),
    "collateral": ("covers",),
    "publishing": ("publisher", "imprint", "published", "year"),
    "supply": (),
}
BLOCKS = tuple(_BOOK_FIELDS)
"""Names of the blocks."""


def merge_blocks(held: Book, update: Book, blocks: tuple[str, ...]) -> Book:
    """The held book with these blocks of the update; identifiers that the update states are added.

    A block that states nothing empties its fields.
    """
    details: Details = replace(
        held.details,
        **{name: getattr(update.details, name) for block in blocks for name in _DETAILS_FIELDS[block]},
    )
    stated = {name: getattr(update, name) for block in blocks for name in _BOOK_FIELDS[block]}
    identifiers = {**held.identifiers, **update.identifiers}
    return replace(held, **stated, details=details, identifiers=identifiers)
