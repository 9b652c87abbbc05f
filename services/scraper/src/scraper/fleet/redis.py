"""Fleet control on the Valkey or Redis server of the frontier."""

from datetime import datetime

from bookcore.domain.book import from_version, to_version
from bookcore.events.crawl import CrawlCommand
from scraper.fleet.control import FleetControl, SourceMode, SourceState
from scraper.frontier import parse_run_start
from scraper.frontier.redis.frontier import build_source_key, parse_status
from scraper.frontier.redis.scripts import ScriptArgument, ScriptReply, ScriptStore


class RedisFleetControl:
    """Fleet control of any number of workers. The ids of the last 1,000 commands of each source are kept."""

    def __init__(self, store: ScriptStore) -> None:
        self._store = store

    def apply(self, command: CrawlCommand) -> bool:
        arguments = (command.command_id, command.action, command.url or "")
        return self._run_script("command", command.source, *arguments)[0] == b"1"

    def claim_run(self, source: str, *, due: datetime, now: datetime) -> bool:
        return self._run_script("claim", source, to_version(due), to_version(now))[0] == b"1"

    def read_source(self, source: str) -> SourceState:
        *counts, mode, url, run, claimed = self._run_script("status", source)
        begins = [parse_run_start(run.decode())] if run else []
        begins += [from_version(int(claimed))] if claimed else []
        return SourceState(
            source,
            SourceMode(mode.decode()),
            url.decode() or None,
            parse_status(counts),
            max(begins, default=None),
        )

    def close(self) -> None:
        self._store.close()

    def _run_script(self, script: str, source: str, *args: ScriptArgument) -> ScriptReply:
        """These scripts use neither the run nor the host."""
        keys = [build_source_key(self._store, source), f"{self._store.prefix}frontier:host:"]
        return self._store.run_script(script, keys, ["", 0, *args])


def open_fleet(url: str, *, is_worker: bool) -> FleetControl:
    """Raises: Invalid, Unavailable naming the setting."""
    return RedisFleetControl(ScriptStore(url))
