"""Bibliographic facts of an edition, beyond title and price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Details:
    """Facts of the printed edition; None or empty where the source states nothing. Lengths in mm, weight
    in g.

    The ISBN is one of the book's identifiers (`isbn13`), not a detail.
    """

    authors: tuple[str, ...] = ()
    publisher: str | None = None
    year: int | None = None
    pages: int | None = None
    format: str | None = None
    edition: str | None = None
    language: str | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    thickness_mm: int | None = None
    weight_g: int | None = None

    @property
    def plain(self) -> dict[str, str | int | list[str]] | None:
        """The stated facts as plain JSON values; None when there are none."""
        if self == NO_DETAILS:
            return None
        values = {name: getattr(self, name) for name in self.__slots__ if name != "authors"}
        stated: dict[str, str | int | list[str]] = {k: v for k, v in values.items() if v is not None}
        return {"authors": list(self.authors), **stated} if self.authors else stated


NO_DETAILS = Details()
"""Of a book whose source prints none."""
