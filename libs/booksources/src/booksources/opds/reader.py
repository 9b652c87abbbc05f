"""Reads an OPDS catalogue of either version."""

from collections.abc import Iterator
from dataclasses import replace

from booksources.cleaning.buffers import peek_head
from booksources.opds.atom import read_atom
from booksources.opds.publications import read_publications
from booksources.reading import Document, ReadItem, SourceProfile


def read(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """Listings and links of the feed; the first byte tells the version.

    Facets are not followed: they are other views of the same publications. Raises: Invalid.
    """
    with peek_head(document.body) as (head, body):
        read_feed = read_publications if head.startswith(b"{") else read_atom
        yield from read_feed(replace(document, body=body), profile)
