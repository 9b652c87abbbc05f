"""What the fleet is told, on the store that the fleet's frontier is in."""

from bookcore.events.crawl import CrawlCommand
from scraper.fleet.control import Fleet, Mode, Told
from scraper.frontier.redis.frontier import source_key, standing_of
from scraper.frontier.redis.scripts import Argument, Reply, Store


class SharedFleet:
    """As Fleet. The ids of the last 1,000 commands of each source are kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, command: CrawlCommand) -> bool:
        """As Fleet.apply."""
        arguments = (command.command_id, command.action, command.url or "")
        return self._call("command", command.source, *arguments)[0] == b"1"

    def told(self, source: str) -> Told:
        """As Fleet.told."""
        *counts, mode, url = self._call("look", source)
        return Told(source, Mode(mode.decode()), url.decode() or None, standing_of(counts))

    def close(self) -> None:
        """As Fleet.close."""
        self._store.close()

    def _call(self, script: str, source: str, *args: Argument) -> Reply:
        """No run is meant, and no host."""
        keys = [source_key(self._store, source), f"{self._store.prefix}frontier:host:"]
        return self._store.run(script, keys, ["", 0, *args])


def open_fleet(url: str, *, works: bool) -> Fleet:
    """Any number may work. Raises: Invalid, Unavailable naming the setting."""
    return SharedFleet(Store(url))
