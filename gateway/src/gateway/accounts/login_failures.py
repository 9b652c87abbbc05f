"""Logins that failed, for the audit log: told together, so that who guesses all day can't fill the disk.

What fails is counted in memory and written once a minute: one entry for each of the twenty accounts and
addresses with the most, and one of each kind for all others. A flood of a day is 35,000 entries a process,
some 10 MB, whatever its rate. Names that belong to no account are counted and never written: people type
passwords into the wrong field.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from gateway.accounts.audit import AuditEvent
from gateway.accounts.flushing import PeriodicFlusher
from gateway.accounts.stores import AccountStores

_log = get_logger(__name__)
_EVERY_SECONDS = 60.0
_MOST_ENTRIES = 20
_MOST_SUBJECTS = 10_000
_MOST_ADDRESSES = 5
EVERYBODY, OTHERS, UNKNOWN = "everybody", "others", "unknown"
"""Subjects and targets beside accounts and addresses; unknown is where no account is."""
NOBODY = "nobody"
"""Who does it."""


class LoginFailureKind(StrEnum):
    """The action in the audit log."""

    FAILED = "login.failed"
    """A wrong password, no such account, or a disabled one; counted by e-mail address."""
    LOCKED = "login.locked"
    """Not even tried: too many for this e-mail address."""
    REFUSED = "login.refused"
    """Not even tried: too many from this network address, or of everybody together."""


@dataclass(slots=True)
class _FailureCount:
    count: int = 0
    addresses: dict[str, None] = field(default_factory=dict)

    def add(self, count: int, addresses: Mapping[str, None]) -> None:
        self.count += count
        for address in addresses:
            if len(self.addresses) < _MOST_ADDRESSES:
                self.addresses[address] = None


_Subject = tuple[LoginFailureKind, str]


class LoginFailures(PeriodicFlusher):
    """For one event loop. A process that is killed loses its last minute."""

    def __init__(self, stores: AccountStores) -> None:
        super().__init__(every=_EVERY_SECONDS)
        self._stores = stores
        self._waiting: dict[_Subject, _FailureCount] = {}

    def record(self, kind: LoginFailureKind, subject: str, *, address: str) -> None:
        """One more, from that network address; the subject is an e-mail address or a network address."""
        key = (kind, subject)
        if key not in self._waiting and len(self._waiting) >= _MOST_SUBJECTS:
            key = (kind, OTHERS)
        self._waiting.setdefault(key, _FailureCount()).add(1, {address: None})

    async def flush(self) -> None:
        """Into the audit log; what the database can't take now is kept and added to."""
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        try:
            await asyncio.to_thread(self._write, taken)
        except BookstreamError as error:
            for key, tally in taken.items():
                self._waiting.setdefault(key, _FailureCount()).add(tally.count, tally.addresses)
            _log.warning("failed logins not stored yet", error=str(error))

    def _write(self, taken: Mapping[_Subject, _FailureCount]) -> None:
        by_count = sorted(taken.items(), key=lambda item: -item[1].count)
        told: dict[_Subject, _FailureCount] = {}
        for (kind, subject), tally in by_count[:_MOST_ENTRIES]:
            target = subject if kind is LoginFailureKind.REFUSED else self._find_target(subject)
            told.setdefault((kind, target), _FailureCount()).add(tally.count, tally.addresses)
        for (kind, _), tally in by_count[_MOST_ENTRIES:]:
            told.setdefault((kind, OTHERS), _FailureCount()).add(tally.count, tally.addresses)
        self._stores.audit.append_all(
            [_build_event(kind, target, tally) for (kind, target), tally in told.items()]
        )

    def _find_target(self, email: str) -> str:
        account = self._stores.users.find_by_email(email)
        return UNKNOWN if account is None else account.id


def _build_event(kind: LoginFailureKind, target: str, tally: _FailureCount) -> AuditEvent:
    detail = {"count": str(tally.count), "addresses": " ".join(tally.addresses)}
    return AuditEvent(NOBODY, kind.value, target[:80], detail)
