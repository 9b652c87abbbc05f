"""The stores of a data folder, opened and closed together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bookcore.catalogue import open_catalogue, prepare_catalogue
from bookcore.domain.errors import NotFound
from bookcore.event_log import open_event_log
from bookcore.lake import open_lake, prepare_lake
from bookcore.search import open_search
from bookstream.audit import Stores
from bookstream.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Stores]:
    """All four; the index for reading only.

    Raises: NotFound when nothing was ever kept there; Unavailable or Invalid, naming the store that can't be
    opened.
    """
    refuse_empty(settings)
    with ExitStack() as closing:
        stores = Stores(
            log=open_event_log(settings.event_log_url),
            lake=open_lake(settings.lake_url),
            catalogue=open_catalogue(settings.catalogue_url),
            index=open_search(settings.search_url),
        )
        for store in (stores.log, stores.lake, stores.catalogue, stores.index):
            closing.callback(store.close)
        yield stores


def prepare(settings: Settings) -> None:
    """Make what isn't there: folder or bucket, tables, topics.

    Raises: Unavailable, Invalid or Conflict, naming the store and the remedy.
    """
    prepare_lake(settings.lake_url)
    prepare_catalogue(settings.catalogue_url)
    log = open_event_log(settings.event_log_url)
    log.declare()
    log.close()


def refuse_empty(settings: Settings) -> None:
    """Looking must not make a data folder, nor call an empty one sound.

    Raises: NotFound with the remedy.
    """
    scheme, _, path = settings.event_log_url.partition("://")
    if scheme == "sqlite" and not Path(path).exists():
        raise NotFound(f"there is no data in {settings.data}; name another --data, or run `bookstream demo`")
