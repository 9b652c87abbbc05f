"""What reading an ONIX feed of any size costs: peak memory, and CPU beside a bare parse of the same bytes.

`python -m bench feeds [--megabytes 300] [--docs]`. The feed is made while it is read, so that no file's size
counts. The peer iterates over the products with lxml, frees each, and reads nothing of them.
"""

import io
import subprocess
import sys
import time
from typing import IO, Annotated, cast

import typer
from bench.pipeline import ProcessCost, wait_for_end
from bench.report import Figure, save_figures, write_docs_table
from lxml import etree  # type: ignore[import-untyped]  # ships no types

from booksources.onix.reader import read
from booksources.reading import Document, Listing, SourceProfile

_CHUNK = 1 << 16
_HEAD = b"<ONIXMessage><Header><DefaultCurrencyCode>GBP</DefaultCurrencyCode></Header>"
_TITLE = (
    "<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel>"
    "<TitleText>The Lamp {n}</TitleText></TitleElement></TitleDetail>"
)
_PRODUCT = (
    "<Product><RecordReference>r{n}</RecordReference><NotificationType>03</NotificationType>"
    "<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780306406157</IDValue></ProductIdentifier>"
    "<DescriptiveDetail><ProductForm>BB</ProductForm>"
    + _TITLE
    + "<Contributor><ContributorRole>A01</ContributorRole><PersonNameInverted>Huang, Ana</PersonNameInverted>"
    "</Contributor><Language><LanguageRole>01</LanguageRole><LanguageCode>eng</LanguageCode></Language>"
    "</DescriptiveDetail><CollateralDetail><TextContent><TextType>03</TextType>"
    "<Text>&lt;p&gt;A long story of light.&lt;/p&gt;</Text></TextContent></CollateralDetail>"
    "<ProductSupply><SupplyDetail><Price><PriceType>02</PriceType><PriceAmount>9.90</PriceAmount></Price>"
    "</SupplyDetail></ProductSupply></Product>"
)


class GeneratedFeed(io.RawIOBase):
    """A message of about so many megabytes, made chunk by chunk."""

    def __init__(self, megabytes: int) -> None:
        self._left = megabytes << 20
        self._number = 0
        self._buffer = _HEAD

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most 64 KiB."""
        while self._left > 0 and len(self._buffer) < _CHUNK:
            product = _PRODUCT.format(n=self._number).encode()
            self._number, self._left = self._number + 1, self._left - len(product)
            self._buffer += product if self._left > 0 else product + b"</ONIXMessage>"
        chunk, self._buffer = self._buffer[:_CHUNK], self._buffer[_CHUNK:]
        return chunk


def count_listings(megabytes: int) -> int:
    """Listings of our reader."""
    items = read(
        Document("feed.xml", cast(IO[bytes], GeneratedFeed(megabytes))), SourceProfile(territory="GB")
    )
    return sum(isinstance(item, Listing) for item in items)


def count_products(megabytes: int) -> int:
    """Products of a bare parse."""
    count = 0
    for _, product in etree.iterparse(GeneratedFeed(megabytes), tag="Product"):
        count += 1
        product.clear()
        while product.getprevious() is not None:
            del product.getparent()[0]
    return count


def measure(function: str, megabytes: int) -> ProcessCost:
    """In a process of its own, whose peak is the reader's."""
    code = f"from bench.feeds import {function}; assert {function}({megabytes})"
    return wait_for_end(subprocess.Popen([sys.executable, "-c", code]), time.monotonic())


def main(
    *,
    megabytes: Annotated[int, typer.Option(help="Size of the large feed.")] = 300,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    small, large = measure("count_listings", 10), measure("count_listings", megabytes)
    peer = measure("count_products", megabytes)
    figures = [
        Figure("ONIX of 10 MB, peak memory", small.peak, "MB"),
        Figure(f"ONIX of {megabytes} MB, peak memory", large.peak, "MB"),
        Figure("growth of the peak", large.peak / small.peak, "x", 1.1, at_most=True),
        Figure("megabytes a CPU second", megabytes / large.cpu, "MB/s"),
        Figure("CPU beside a bare parse by lxml", large.cpu / peer.cpu, "x"),
    ]
    print("\n".join(str(figure) for figure in figures))
    save_figures("feeds", figures)
    if docs:
        write_docs_table("feeds", figures, command="python -m bench feeds")


if __name__ == "__main__":
    typer.run(main)
