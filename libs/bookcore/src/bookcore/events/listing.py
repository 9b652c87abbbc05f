"""The observation of a listing: version 2 of an observed book."""

from pydantic import AwareDatetime

from bookcore.domain.book import to_version
from bookcore.domain.normalise import Origin
from bookcore.domain.printed_listing import PrintedListing
from bookcore.events.book import Event, make_event_id


class BookObservedV2(Event):
    """A source stated this listing at that time; not validated, kept forever in the lake.

    `observed_at`: when it was fetched. `as_of`: when the source says that it held, if it says so; an older
    file never wins over a newer one. `page` is the lake key of the stored page or file, None without one.
    """

    type = "books.book.observed.v2"

    source: str
    source_id: str | None
    url: str
    observed_at: AwareDatetime
    as_of: AwareDatetime | None = None
    content_hash: str
    extractor: str
    page: str | None = None
    printed: PrintedListing

    @property
    def event_id(self) -> str:
        """The same content observed by the same extractor has the same id, also after a crash."""
        return make_event_id(self.source, self.source_id or self.url, self.content_hash, self.extractor)

    @property
    def key(self) -> str:
        """Partition key: all events of a book stay in order."""
        return f"{self.source}:{self.source_id or self.url}"

    @property
    def origin(self) -> Origin:
        """Argument of normalise_listing."""
        return Origin(self.source, self.source_id, self.url)

    @property
    def version(self) -> int:
        """Microseconds since 1970: a later one wins, in any order of arrival."""
        return to_version(self.as_of or self.observed_at)
