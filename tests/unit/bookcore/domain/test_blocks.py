"""Updates of blocks replace all fields of these blocks and no other."""

from dataclasses import fields, replace

import pytest

from bookcore.domain.blocks import BLOCKS, merge_blocks
from bookcore.domain.book import Book
from bookcore.domain.details import Details
from bookcore.domain.listing import NormalisedListing, normalise_listing
from bookcore.domain.normalise import Origin
from bookcore.domain.printed_listing import PrintedListing
from bookcore.domain.rejection import Rejected
from bookcore.testing.builders import EPOCH
from bookcore.testing.listings import PRINTED

ORIGIN = Origin("shop", "u1", "https://shop.example/u1")
OTHER = replace(PRINTED, title="Another", description="Another text", publisher="Another house", offers=())


def normalise(printed: PrintedListing) -> Book:
    listing = normalise_listing(ORIGIN, printed, EPOCH)
    assert isinstance(listing, NormalisedListing)
    return listing.book


@pytest.mark.parametrize(
    ("block", "changed"),
    [
        ("descriptive", {"title"}),
        ("collateral", {"description"}),
        ("publishing", {"details"}),
        ("supply", {"price", "availability", "offers"}),
    ],
)
def test_a_block_replaces_its_fields_only(block: str, changed: set[str]) -> None:
    held, update = normalise(PRINTED), normalise(OTHER)
    merged = merge_blocks(held, update, (block,))
    assert {f.name for f in fields(Book) if getattr(merged, f.name) != getattr(held, f.name)} == changed
    assert all(getattr(merged, name) == getattr(update, name) for name in changed)


def test_all_blocks_together_replace_all_that_a_feed_states() -> None:
    held, update = normalise(PRINTED), normalise(OTHER)
    merged = merge_blocks(held, update, BLOCKS)
    assert merged == replace(update, attributes=held.attributes, rating=held.rating, url=held.url)
    emptied = merge_blocks(held, normalise(PrintedListing(title="T")), BLOCKS)
    assert emptied.details == Details()


def test_an_update_needs_no_title_unless_it_states_the_description_of_the_product() -> None:
    supply = normalise_listing(ORIGIN, PrintedListing(blocks=("supply",)), EPOCH)
    assert isinstance(supply, NormalisedListing)
    assert supply.blocks == ("supply",)
    for blocks in ((), ("descriptive",), ("supply", "descriptive")):
        assert isinstance(normalise_listing(ORIGIN, PrintedListing(blocks=blocks), EPOCH), Rejected)
    unknown = normalise_listing(ORIGIN, PrintedListing(title="T", blocks=("price",)), EPOCH)
    assert isinstance(unknown, Rejected)
    assert "blocks" in str(unknown)
