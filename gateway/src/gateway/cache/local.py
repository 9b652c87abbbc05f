"""The answers that this process holds itself: bounded in bytes, the least recently used goes first."""

from collections import OrderedDict

from gateway.cache.entry import CacheEntry


class LocalCache:
    """`max_bytes` 0 holds nothing."""

    def __init__(self, *, max_bytes: int) -> None:
        self._entries: OrderedDict[str, CacheEntry] = OrderedDict()
        self._max_bytes = max_bytes
        self.bytes = 0
        self.peek = self._entries.get
        """What is held at a key, without making it the last to go."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> CacheEntry | None:
        """What is held there."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: CacheEntry) -> None:
        """Hold it; one larger than the whole shelf is not held."""
        self.drop(key)
        if entry.get_size() > self._max_bytes:
            return
        self._entries[key] = entry
        self.bytes += entry.get_size()
        while self.bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: str) -> None:
        """Hold it no longer."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.get_size()

    def clear(self) -> None:
        """Hold nothing."""
        self._entries.clear()
        self.bytes = 0
