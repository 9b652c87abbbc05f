"""Consumer groups of the SQLite event log, by file locks.

A member locks its own file, an owner its partition's file. The kernel releases the locks of a dead process at
once, so that a group needs neither clocks nor heartbeats. Members divide the partitions by their rank in the
sorted list of live members.
"""

import fcntl
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from uuid import uuid4

from bookcore.domain.errors import Invalid

_GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}")
TopicPartition = tuple[str, int]


class GroupMember:
    """Membership of one consumer in a group; for one thread."""

    def __init__(self, folder: Path, partitions: Sequence[TopicPartition]) -> None:
        self._folder = folder
        self._partitions = sorted(partitions)
        self._owned: dict[TopicPartition, IO[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        staged = folder / f"joining-{uuid4().hex}"
        self._member_lock = staged.open("wb")
        fcntl.flock(self._member_lock, fcntl.LOCK_EX)
        self._path = staged.rename(folder / f"member-{uuid4().hex}")

    @property
    def owned(self) -> Sequence[TopicPartition]:
        """Partitions locked by this member."""
        return list(self._owned)

    def rebalance(self) -> Sequence[TopicPartition]:
        """Releases partitions beyond this member's share, which are returned, and locks free ones of its
        share.
        """
        living = self._list_members()
        place = living.index(self._path.name)
        share = set(self._partitions[place :: len(living)])
        lost = [partition for partition in self._owned if partition not in share]
        for partition in lost:
            self._owned.pop(partition).close()
        for partition in sorted(share - self._owned.keys()):
            self._acquire(partition)
        return lost

    def leave(self) -> None:
        """Releases all locks."""
        for lock in self._owned.values():
            lock.close()
        self._owned.clear()
        self._path.unlink(missing_ok=True)
        self._member_lock.close()

    def _list_members(self) -> list[str]:
        names = [self._path.name]
        for path in self._folder.glob("member-*"):
            if path != self._path and not _remove_if_dead(path):
                names.append(path.name)
        return sorted(names)

    def _acquire(self, partition: TopicPartition) -> None:
        lock = _try_lock(self._folder / f"owner-{partition[0]}-{partition[1]}")
        if lock is not None:
            self._owned[partition] = lock


def get_group_folder(log: Path, group: str) -> Path:
    """Folder of a group's lock files, beside the log's file.

    Raises: Invalid when the name cannot be a folder's.
    """
    if not _GROUP.fullmatch(group):
        raise Invalid("must be 1-100 of A-Z, a-z, 0-9, . _ -", field="group")
    return log.with_suffix(".groups") / group


def has_members(folder: Path) -> bool:
    """Whether the group has a living member."""
    return not all(_remove_if_dead(path) for path in folder.glob("member-*"))


def _remove_if_dead(path: Path) -> bool:
    lock = _try_lock(path)
    if lock is None:
        return not path.exists()
    path.unlink(missing_ok=True)
    lock.close()
    return True


def _try_lock(path: Path) -> IO[bytes] | None:
    """The locked file; None while another process holds the lock or after the file was deleted."""
    try:
        file = path.open("ab" if path.name.startswith("owner-") else "rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
