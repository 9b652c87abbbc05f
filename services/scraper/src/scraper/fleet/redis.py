"""Fleet control on the Valkey or Redis server of the frontier."""

from bookcore.events.crawl import CrawlCommand
from scraper.fleet.control import FleetControl, SourceMode, SourceState
from scraper.frontier.redis.frontier import build_source_key, parse_status
from scraper.frontier.redis.scripts import ScriptArgument, ScriptReply, ScriptStore


class RedisFleetControl:
    """Fleet control of any number of workers. The ids of the last 1,000 commands of each source are kept."""

    def __init__(self, store: ScriptStore) -> None:
        self._store = store

    def apply(self, command: CrawlCommand) -> bool:
        arguments = (command.command_id, command.action, command.url or "")
        return self._run_script("command", command.source, *arguments)[0] == b"1"

    def read_source(self, source: str) -> SourceState:
        *counts, mode, url, _ = self._run_script("status", source)
        return SourceState(source, SourceMode(mode.decode()), url.decode() or None, parse_status(counts))

    def close(self) -> None:
        self._store.close()

    def _run_script(self, script: str, source: str, *args: ScriptArgument) -> ScriptReply:
        """These scripts use neither the run nor the host."""
        keys = [build_source_key(self._store, source), f"{self._store.prefix}frontier:host:"]
        return self._store.run_script(script, keys, ["", 0, *args])


def open_fleet(url: str, *, is_worker: bool) -> FleetControl:
    """Raises: Invalid, Unavailable naming the setting."""
    return RedisFleetControl(ScriptStore(url))
