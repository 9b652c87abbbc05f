"""Withdraws the books that the source no longer has, at the end of a run.

The events of one closing have the same moment and ids at each try, and the pages are forgotten only after
they are published: a process that is killed in between leaves them to the next one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bookcore.domain.errors import Invalid, NotFound
from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.logger import get_logger
from bookcore.lake import Lake
from bookcore.lake.layout import make_ledger_key, pack_lines, unpack_page
from scraper.frontier import CrawlRun
from scraper.frontier.closing import GonePage, RunClosing
from scraper.pages.reading import DocumentParser
from scraper.session.session import Stores
from scraper.sources.site import Site

_CHUNK = 500
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WithdrawalCounts:
    """`withheld`: books that would have been withdrawn, had the run seen enough of the source."""

    gone: int = 0
    withheld: int = 0


def withdraw_books(stores: Stores, site: Site, run: CrawlRun, closing: RunClosing) -> WithdrawalCounts:
    """Publish a withdrawal for each gone book. Raises: Unavailable."""
    source = site.source
    if not closing.covers_enough:
        _log.warning(
            "nothing is withdrawn", source=source.name, reason=closing.fault, books=len(closing.gone)
        )
        return WithdrawalCounts(withheld=len(closing.gone))
    events = _build_events(stores.lake, site, closing)
    gone = segment = 0
    while chunk := list(islice(events, _CHUNK)):
        stores.log.append(OBSERVED.name, [encode(event, source=f"scraper/{source.name}") for event in chunk])
        trigger_failpoint(Failpoint.SCRAPER_AFTER_APPEND)
        key = make_ledger_key(source.name, f"{run.ledger_name}-gone", segment)
        stores.lake.put(key, _build_segment(chunk))
        gone, segment = gone + len(chunk), segment + 1
    return WithdrawalCounts(gone=gone)


def _build_events(lake: Lake, site: Site, closing: RunClosing) -> Iterator[BookWithdrawn]:
    parser = DocumentParser(site)
    for page in closing.forgotten:
        for source_id in _read_ids(lake, parser, page):
            yield BookWithdrawn(
                source=site.source.name, source_id=source_id, observed_at=closing.moment, reason=page.reason
            )


def _read_ids(lake: Lake, parser: DocumentParser, page: GonePage) -> Sequence[str]:
    """Ids of the books that the stored page shows; none when it can't be read any more."""
    if page.body_key is None:
        return ()
    try:
        body = unpack_page(lake.get(page.body_key))
    except (NotFound, Invalid) as error:
        _log.warning("can't tell which book is gone", url=page.url, reason=str(error))
        return ()
    return parser.read_ids(body, page.url)


def _build_segment(events: Sequence[BookWithdrawn]) -> bytes:
    """Lines like those of observations, without a hash: nothing is printed."""
    lines = (
        {"event_id": event.event_id, "key": event.key, "version": str(event.version), "content_hash": ""}
        for event in events
    )
    return pack_lines(lines)
