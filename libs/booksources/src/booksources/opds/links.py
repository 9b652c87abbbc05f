"""Links of both versions: what each relation means."""

from dataclasses import replace

from bookcore.domain.printed_listing import PrintedOffer
from booksources.cleaning.money import read_money
from booksources.cleaning.remarks import RemarkLog
from booksources.reading import SourceProfile

_ACQUISITION = "http://opds-spec.org/acquisition"
COVERS = ("http://opds-spec.org/image", "http://opds-spec.org/cover", "cover")


def is_acquisition(relation: str) -> bool:
    """Whether the link gives the publication, or a part of it, on any terms."""
    return relation.startswith(_ACQUISITION)


def build_offer(
    relation: str, price: str | None, url: str | None, profile: SourceProfile, remarks: RemarkLog
) -> PrintedOffer | None:
    """The offer of an acquisition link; None for a sample, a loan or a subscription, which sell nothing.

    `price`: amount with its currency, None where the link states none.
    """
    pointed = replace(profile, decimal=".")  # as the format wants it, whatever the language
    kind = relation.removeprefix(_ACQUISITION).strip("/")
    if price is not None and kind in ("", "buy"):
        amount = remarks.read("offers.price", price, lambda text: read_money(text, pointed))
        return None if amount is None else PrintedOffer(price=amount, availability="in_stock", url=url)
    if kind == "open-access":
        return PrintedOffer(unpriced="free", availability="in_stock", url=url)
    return None
