"""`python -m scraper rebuild`: a frontier that was lost knows again where the source's books are.

Idempotent, also while a crawl goes on: a page that is known isn't added again. What pages said last is gone,
so the next crawl reads all of them; the events that it makes have the ids of before.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from bookcore.catalogue import Catalogue, open_catalogue
from scraper.crawl.crawl import begin_run, build_limits
from scraper.frontier import PageKind, open_frontier
from scraper.settings import Settings
from scraper.sources.site import Site

_CHUNK = 1_000


def rebuild(settings: Settings, site: Site) -> int:
    """Make the pages of the catalogue's books known; how many weren't.

    Raises: Conflict, Unavailable naming the store.
    """
    opened = open_frontier(settings.frontier_url, site.source.name, build_limits(settings, site))
    with closing(opened) as frontier, closing(open_catalogue(settings.catalogue_url)) as catalogue:
        begin_run(frontier, site)
        addresses, added = _list_urls(catalogue, site), 0
        while chunk := list(islice(addresses, _CHUNK)):
            added += frontier.add_pages(PageKind.BOOK, chunk, depth=1)
        frontier.release_pages([])
        return added


def _list_urls(catalogue: Catalogue, site: Site) -> Iterator[str]:
    """On this copy of the site, whichever the book was seen on; books that are gone may come back."""
    for stored in catalogue.iterate_books():
        if stored.book.source == site.source.name and (url := site.canonicalize(stored.book.url)):
            yield url
