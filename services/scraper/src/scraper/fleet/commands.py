"""Applies the commands of the topic to the fleet; idempotent by command id, in order within a source."""

from collections.abc import Mapping

from bookcore.domain.errors import Invalid
from bookcore.event_log.dead_letters import DeadLetterQueue, RejectedRecord
from bookcore.events.codec import decode
from bookcore.events.crawl import CrawlCommand
from bookcore.events.message import Batch, Record
from scraper.fleet.control import FleetControl
from scraper.sources import Source
from scraper.sources.site import parse_site

GROUP = "scraper.commands"
"""Consumer group of the whole fleet: one worker applies a command, all workers read the resulting state."""


class CommandHandler:
    """Handler of the command topic's consumer."""

    def __init__(
        self, fleet: FleetControl, dead_letters: DeadLetterQueue, sources: Mapping[str, Source]
    ) -> None:
        self._fleet = fleet
        self._sources = sources
        self._dead_letters = dead_letters

    def handle(self, batch: Batch) -> int:
        """Apply the batch; invalid commands go to the dead-letter topic. Raises: Unavailable."""
        rejected = []
        for record in batch.records:
            try:
                self._fleet.apply(_decode_command(record, self._sources))
            except Invalid as refusal:
                rejected.append(RejectedRecord(record, str(refusal)))
        self._dead_letters.park(batch.records, rejected)
        return batch.next


def _decode_command(record: Record, sources: Mapping[str, Source]) -> CrawlCommand:
    """Raises: Invalid for an unknown source and for a URL that a crawl can't start at."""
    command = decode(record).event
    if not isinstance(command, CrawlCommand):
        raise Invalid(f"{command.type} is no command")
    if command.source not in sources:
        raise Invalid(f"no source {command.source!r}; there are {', '.join(sorted(sources))}")
    if command.url:
        parse_site(sources[command.source], command.url)
    return command
