"""Creates or migrates bucket, schema and topics. Idempotent."""

from collections.abc import Iterator

from bookcore.catalogue import prepare_catalogue
from bookcore.event_log import open_event_log
from bookcore.lake import prepare_lake
from ingestor.settings import Settings


def migrate_stores(settings: Settings) -> Iterator[str]:
    """One line after each step. The search index is created by the first ingestor that writes it."""
    yield prepare_lake(settings.lake_url)
    yield prepare_catalogue(settings.catalogue_url)
    log = open_event_log(settings.event_log_url)
    yield from log.declare_topics()
    log.close()
