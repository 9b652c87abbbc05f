"""Mail that waits to be sent. A request never waits for the mail server, nor learns whether there was a mail.

What a server can't take now is tried again after 5 s, a minute and five minutes; what is refused, or still
not sent then, is written down with its reason. Mail is kept in memory only, since it holds secret
links: a gateway that is stopped loses what it could not send, and the reader asks again.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from threading import Condition, Thread
from time import monotonic
from typing import NamedTuple

from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from gateway.mail.smtp import MailDelayed, MailRefused, MailServer, deliver_mail

_log = get_logger(__name__)
_DELAYS = (5.0, 60.0, 300.0)
_MOST_WAITING = 500
_CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to the owner of an account; `kind` names it in logs, which never hold its text."""

    kind: str
    user_id: str
    to: str
    subject: str
    text: str


class _Waiting(NamedTuple):
    due: float
    number: int
    tries: int
    mail: Mail


class MailOutbox:
    """One thread, started by the first mail. `on_failed` gets the mail and the reason, in that thread."""

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        on_failed: Callable[[Mail, str], None],
        delays: Sequence[float] = _DELAYS,
    ) -> None:
        self._server = server
        self._delays = delays
        self._sender = sender
        self._on_failed = on_failed
        self._waiting: list[_Waiting] = []
        self._changed = Condition()
        self._count = 0
        self._is_closing = False
        self._thread: Thread | None = None

    def put(self, mail: Mail) -> None:
        """Send soon; returns at once. With 500 waiting the mail is dropped, and that is written down."""
        with self._changed:
            is_full = len(self._waiting) >= _MOST_WAITING or self._is_closing
            if not is_full:
                self._push(mail, tries=0, delay=0.0)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="mail", daemon=True)
                self._thread.start()
        if is_full:
            self._fail(mail, "too many mails are waiting")

    def close(self) -> None:
        """Stop; waits a little for the mail that is being sent."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _push(self, mail: Mail, *, tries: int, delay: float) -> None:
        self._count += 1
        heapq.heappush(self._waiting, _Waiting(monotonic() + delay, self._count, tries, mail))
        self._changed.notify()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            self._send(taken)
        for left in self._waiting:
            self._fail(left.mail, "the gateway was stopped")

    def _take(self) -> _Waiting | None:
        """The next mail that is due; None at the end."""
        with self._changed:
            while not self._is_closing:
                left = self._waiting[0].due - monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)
        return None

    def _send(self, taken: _Waiting) -> None:
        try:
            deliver_mail(self._server, self._build_message(taken.mail))
        except MailDelayed as error:
            if taken.tries >= len(self._delays):
                self._fail(taken.mail, str(error))
                return
            _log.warning("mail delayed", kind=taken.mail.kind, user=taken.mail.user_id, reason=str(error))
            with self._changed:
                self._push(taken.mail, tries=taken.tries + 1, delay=self._delays[taken.tries])
        except MailRefused as error:
            self._fail(taken.mail, str(error))
        except Exception as error:  # noqa: BLE001 - an unforeseen one must not end the thread
            self._fail(taken.mail, repr(error))
        else:
            _log.info("mail sent", kind=taken.mail.kind, user=taken.mail.user_id)

    def _fail(self, mail: Mail, reason: str) -> None:
        _log.error("mail not sent", kind=mail.kind, user=mail.user_id, reason=reason)
        try:
            self._on_failed(mail, reason)
        except BookstreamError as error:
            _log.error("failed mail not recorded", user=mail.user_id, error=repr(error))

    def _build_message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2] or "localhost")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message
