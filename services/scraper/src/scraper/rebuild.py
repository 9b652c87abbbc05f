"""`python -m scraper rebuild`: adds the book pages of the catalogue to a frontier that was lost.

Idempotent, also during a crawl: a known page isn't added again. The snapshots of the pages are lost, so the
next crawl fetches all of them in full; its events have the same ids as before.
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
    """Add the pages of the catalogue's books; the number of new ones.

    Raises: Conflict, Unavailable naming the store.
    """
    opened = open_frontier(settings.frontier_url, site.source.name, build_limits(settings, site))
    with closing(opened) as frontier, closing(open_catalogue(settings.catalogue_url)) as catalogue:
        begin_run(frontier, site)
        urls, added = _list_urls(catalogue, site), 0
        while chunk := list(islice(urls, _CHUNK)):
            added += frontier.add_pages(PageKind.BOOK, chunk, depth=1)
        frontier.release_pages([])
        return added


def _list_urls(catalogue: Catalogue, site: Site) -> Iterator[str]:
    """URLs on this copy of the site, whichever copy the book was seen on; withdrawn books included."""
    for stored in catalogue.iterate_books():
        if stored.book.source == site.source.name and (url := site.canonicalize(stored.book.url)):
            yield url
