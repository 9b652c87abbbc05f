"""Links by mail. Each is made and sent in the background, so that the time of an answer tells nothing."""

import asyncio
from collections.abc import Callable

from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from gateway.accounts import Account
from gateway.accounts.audit import AuditEvent
from gateway.accounts.credentials import CONFIRM_SECONDS, RESET_SECONDS
from gateway.accounts.login_failures import NOBODY
from gateway.accounts.one_time_tokens import TokenPurpose
from gateway.accounts.stores import AccountStores
from gateway.mail import texts
from gateway.mail.outbox import Mail, MailOutbox
from gateway.mail.smtp import MailServer

_log = get_logger(__name__)
BY_GATEWAY = "gateway"
"""Actor of what the gateway does on nobody's behalf."""


def build_reset_link(public_url: str, token: str) -> str:
    """The secret stands behind `#`: no server, log or Referer gets it."""
    return f"{public_url}/portal#reset={token}"


class AccountMail:
    """For one event loop. Without a mail server `can_send` is False and nothing is sent."""

    def __init__(
        self, stores: AccountStores, server: MailServer | None, *, sender: str, public_url: str
    ) -> None:
        self._stores = stores
        self._outbox = (
            None if server is None else MailOutbox(server, sender=sender, on_failed=self._record_failure)
        )
        self._public_url = public_url
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def can_send(self) -> bool:
        """Whether there is a mail server."""
        return self._outbox is not None

    def send_reset(self, email: str, *, by: str | None = None) -> None:
        """A reset link to the account of an address, if there is one; returns at once."""
        self._run(lambda: self._write_reset(email, by))

    def send_confirmation(self, account: Account) -> None:
        """A link that confirms the address; returns at once."""
        self._run(lambda: self._write_confirmation(account))

    def send_registered_already(self, email: str) -> None:
        """To the owner of an address that somebody registered again; returns at once."""
        self._run(lambda: self._write_registered_already(email))

    def send_change(self, account: Account, change: str) -> None:
        """What was changed; returns at once."""
        link = f"{self._public_url}/portal#forgot"
        self._run(lambda: texts.write_change(account.id, account.email, change, link))

    async def close(self) -> None:
        """Wait for mails that are being written; those that can't be sent soon are dropped."""
        await asyncio.gather(*self._tasks)
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)

    def _run(self, write: Callable[[], Mail | None]) -> None:
        if self._outbox is not None:
            task = asyncio.get_running_loop().create_task(self._put(self._outbox, write))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _put(self, outbox: MailOutbox, write: Callable[[], Mail | None]) -> None:
        try:
            mail = await asyncio.to_thread(write)
        except BookstreamError as error:
            _log.error("mail not written", error=str(error))
            return
        if mail is not None:
            outbox.put(mail)

    def _write_reset(self, email: str, by: str | None) -> Mail | None:
        account = self._stores.users.find_by_email(email)
        if account is None or account.is_disabled:
            return None
        token = self._create_token(account, TokenPurpose.RESET, RESET_SECONDS, by=by)
        link = build_reset_link(self._public_url, token)
        return texts.write_reset(account.id, account.email, link, minutes=RESET_SECONDS // 60)

    def _write_confirmation(self, account: Account) -> Mail:
        token = self._create_token(account, TokenPurpose.CONFIRM, CONFIRM_SECONDS, by=None)
        link = f"{self._public_url}/portal#confirm={token}"
        return texts.write_confirmation(account.id, account.email, link, hours=CONFIRM_SECONDS // 3_600)

    def _write_registered_already(self, email: str) -> Mail | None:
        account = self._stores.users.find_by_email(email)
        if account is None:
            return None
        return texts.write_registered_already(account.id, account.email, f"{self._public_url}/portal#forgot")

    def _create_token(self, account: Account, purpose: TokenPurpose, life: int, *, by: str | None) -> str:
        return self._stores.credentials.create_link(account.id, purpose, life_seconds=life, by=by or NOBODY)

    def _record_failure(self, mail: Mail, reason: str) -> None:
        detail = {"kind": mail.kind, "reason": reason.replace(mail.to, "the address")[:200]}
        self._stores.audit.append(AuditEvent(BY_GATEWAY, "mail.failed", mail.user_id, detail))
