"""Cached responses in this process: bounded in bytes, least recently used evicted first."""

from collections import OrderedDict

from gateway.cache.entry import CacheEntry


class LocalCache:
    """`max_bytes` 0 disables it; a response of over `max_entry_bytes` is cached nowhere."""

    def __init__(self, *, max_bytes: int, max_entry_bytes: int) -> None:
        self._entries: OrderedDict[str, CacheEntry] = OrderedDict()
        self._max_bytes, self.max_entry_bytes = max_bytes, max_entry_bytes
        self.bytes = 0
        self.peek = self._entries.get
        """Reads an entry without marking it as used."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> CacheEntry | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: CacheEntry) -> None:
        """An entry larger than the cache is not stored."""
        self.drop(key)
        if entry.get_size() > self._max_bytes:
            return
        self._entries[key] = entry
        self.bytes += entry.get_size()
        while self.bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.get_size()

    def clear(self) -> None:
        self._entries.clear()
        self.bytes = 0
