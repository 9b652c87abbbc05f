"""Opens and prepares the stores of a data folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bookcore.catalogue import Catalogue, open_catalogue, prepare_catalogue
from bookcore.domain.errors import NotFound, Unavailable
from bookcore.event_log import EventLog, open_event_log
from bookcore.lake import Lake, open_lake, prepare_lake
from bookcore.search import OutdatedIndex, SearchIndex, open_search_index
from bookstream.settings import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    """Event log, lake, catalogue and search index of one data folder."""

    log: EventLog
    lake: Lake
    catalogue: Catalogue
    index: SearchIndex


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """All four, closed at the end of the block; the index is read-only.

    Raises: NotFound without data; Unavailable or Invalid, naming the store that can't be opened.
    """
    require_data(settings)
    with ExitStack() as closing:
        stores = Stores(
            log=open_event_log(settings.event_log_url),
            lake=open_lake(settings.lake_url),
            catalogue=open_catalogue(settings.catalogue_url),
            index=open_search_index(settings.search_url),
        )
        for store in (stores.log, stores.lake, stores.catalogue, stores.index):
            closing.callback(store.close)
        yield stores


def prepare_stores(settings: Settings) -> None:
    """Create what is missing: folder or bucket, tables, topics.

    Raises: Unavailable, Invalid or Conflict, naming the store and the remedy.
    """
    prepare_lake(settings.lake_url)
    prepare_catalogue(settings.catalogue_url)
    log = open_event_log(settings.event_log_url)
    log.declare_topics()
    log.close()


def renew_index(settings: Settings) -> None:
    """Rebuild a search index that another version made, before the services open it; says so in one line.

    Raises: Unavailable when it can't be rebuilt.
    """
    try:
        open_search_index(settings.search_url).close()
    except OutdatedIndex:
        print(
            "the search index was made by another version; it is rebuilt from the catalogue before the start",
            file=sys.stderr,
            flush=True,
        )
        environment = {**os.environ, "BOOKSTREAM_DATA": str(settings.data.absolute())}
        command = [sys.executable, "-m", "ingestor", "replay", "--index"]
        if subprocess.run(command, env=environment, check=False, stdout=sys.stderr).returncode:
            raise Unavailable("the search index can't be rebuilt; see above") from None


def require_data(settings: Settings) -> None:
    """Refuse a data folder that doesn't exist: reading must not create one.

    Raises: NotFound with the remedy.
    """
    scheme, _, path = settings.event_log_url.partition("://")
    if scheme == "sqlite" and not Path(path).exists():
        raise NotFound(f"there is no data in {settings.data}; name another --data, or run `bookstream demo`")
