"""`python -m scraper rebuild`: a frontier that was lost knows again where the source's books are.

Idempotent, also while a crawl goes on: a page that is known isn't added again. What pages said last is gone,
so the next crawl reads all of them; the events that it makes have the ids of before.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from bookcore.catalogue import Catalogue, open_catalogue
from scraper.crawl.crawl import begin, bounds_of
from scraper.frontier import Kind, open_frontier
from scraper.settings import Settings
from scraper.sources.site import Site

_CHUNK = 1_000


def rebuild(settings: Settings, site: Site) -> int:
    """Make the pages of the catalogue's books known; how many weren't.

    Raises: Conflict, Unavailable naming the store.
    """
    opened = open_frontier(settings.frontier_url, site.source.name, bounds_of(settings, site))
    with closing(opened) as frontier, closing(open_catalogue(settings.catalogue_url)) as catalogue:
        begin(frontier, site)
        addresses, added = _addresses(catalogue, site), 0
        while chunk := list(islice(addresses, _CHUNK)):
            added += frontier.add(Kind.BOOK, chunk, depth=1)
        frontier.give_back([])
        return added


def _addresses(catalogue: Catalogue, site: Site) -> Iterator[str]:
    """On this copy of the site, whichever the book was seen on; books that are gone may come back."""
    for stored in catalogue.iterate_books():
        if stored.book.source == site.source.name and (url := site.address(stored.book.url)):
            yield url
