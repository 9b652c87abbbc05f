"""`python -m gateway.account_admin VERB`: accounts from the command line, with running gateways or without.

A gateway on a laptop, which shares no cache, goes on for at most ten seconds with what it knows of the user.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bookcore.cache import open_cache
from bookcore.domain.errors import BookstreamError, Forbidden, NotFound
from bookcore.kit.auth import Role
from bookcore.kit.clock import SystemClock
from bookcore.kit.logging import configure_logging
from bookcore.kit.settings import LogLevel, read_settings
from gateway.account_wiring import create_stores
from gateway.accounts import Account, AccountChange
from gateway.accounts.credentials import RESET_SECONDS
from gateway.accounts.database import is_missing_file, open_database
from gateway.accounts.one_time_tokens import TokenPurpose
from gateway.accounts.stores import AccountStores
from gateway.auth.account_mail import build_reset_link
from gateway.auth.caller_cache import USER_TAG
from gateway.auth.generations import CacheGenerations, build_status_scope
from gateway.cache.local import LocalCache
from gateway.cache.response_cache import ResponseCache
from gateway.settings import Settings

BY_COMMAND_LINE = "command-line"
"""Actor in the audit log."""
_PAGE = 200
_FIRST = (-1, "")


@dataclass(frozen=True, slots=True)
class AccountAdmin:
    """The verbs; each prints what it did. Raises: NotFound, Conflict, Forbidden."""

    stores: AccountStores
    settings: Settings
    given: argparse.Namespace

    def print_users(self) -> None:
        """One line a user, or one JSON object."""
        after, page = _FIRST, self.stores.users.list_users(_FIRST, limit=_PAGE)
        while page:
            for account in page:
                print(self._describe(account))
            after = page[-1].created_at, page[-1].id
            page = self.stores.users.list_users(after, limit=_PAGE)

    def reset(self) -> None:
        """Print a link to a new password; `--second-factor` removes that too."""
        account, credentials = self._find(), self.stores.credentials
        if account.is_disabled:
            raise Forbidden(f"{account.email} is disabled; `bookstream user enable` first")
        if self.given.second_factor:
            self.stores.second_factors.remove(account.id, by=BY_COMMAND_LINE)
            self._notify(account)
        token = credentials.create_link(
            account.id, TokenPurpose.RESET, life_seconds=RESET_SECONDS, by=BY_COMMAND_LINE
        )
        print(f"open within {RESET_SECONDS // 60} minutes, once, to choose a password for {account.email}:")
        print(build_reset_link((self.given.url or self.settings.public_url).rstrip("/"), token))

    def suspend(self) -> None:
        """End all sessions and refuse the account."""
        self._change(AccountChange(is_disabled=True), "disabled; all its sessions ended")

    def enable(self) -> None:
        """Accept the account again."""
        self._change(AccountChange(is_disabled=False), "enabled")

    def set_role(self) -> None:
        """Give another role."""
        self._change(AccountChange(role=Role(self.given.role)), f"is {self.given.role} now")

    def delete(self) -> None:
        """Erase all that is stored about the account."""
        account = self._find()
        self.stores.users.delete_user(account.id, by=BY_COMMAND_LINE)
        self._notify(account)
        print(f"{account.email} deleted")

    def _change(self, change: AccountChange, words: str) -> None:
        account = self._find()
        self.stores.users.update_user(account.id, change, by=BY_COMMAND_LINE)
        self._notify(account)
        print(f"{account.email} {words}")

    def _find(self) -> Account:
        email = self.given.email.strip().lower()
        account = self.stores.users.find_by_email(email)
        if account is None:
            raise NotFound(f"no account {email!r}; `bookstream user list` lists them")
        return account

    def _describe(self, account: Account) -> str:
        has_factor = self.stores.second_factors.is_active(account.id)
        created = datetime.fromtimestamp(account.created_at, UTC)
        if self.given.json:
            fields = {
                "id": account.id,
                "email": account.email,
                "role": account.role.value,
                "plan": account.plan,
                "disabled": account.is_disabled,
                "second_factor": has_factor,
                "created_at": created.isoformat(),
            }
            return json.dumps(fields)
        state = "disabled" if account.is_disabled else "enabled"
        factor = "second factor" if has_factor else "password only"
        words = f"{account.role.value:<7} {account.plan:<8} {state:<8} {factor:<13} {created:%Y-%m-%d}"
        return f"{account.email:<40} {words}"

    def _notify(self, account: Account) -> None:
        if not self.settings.cache_url.startswith("memory:"):
            asyncio.run(_invalidate_user(self.settings.cache_url, account.id))


VERBS: Mapping[str, Callable[[AccountAdmin], None]] = {
    "list": AccountAdmin.print_users,
    "reset": AccountAdmin.reset,
    "disable": AccountAdmin.suspend,
    "enable": AccountAdmin.enable,
    "role": AccountAdmin.set_role,
    "delete": AccountAdmin.delete,
}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 1 with one line when it can't be done."""
    try:
        given = parse_arguments(arguments)
        settings = read_settings(Settings)
        quiet = settings.model_copy(update={"log_level": LogLevel.WARNING})
        configure_logging(quiet, service="gateway")
        with _open_stores(settings) as stores:
            VERBS[given.verb](AccountAdmin(stores, settings, given))
    except BookstreamError as error:
        sys.stderr.write(f"bookstream: {error}\n")
        return 1
    return 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Verb and its arguments; exits with 2 for wrong ones."""
    parser = argparse.ArgumentParser(prog="python -m gateway.account_admin")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in VERBS:
        verb = verbs.add_parser(name)
        if name == "list":
            verb.add_argument("--json", action="store_true")
        else:
            verb.add_argument("email")
        if name == "role":
            verb.add_argument("role", choices=[role.value for role in Role])
        if name == "reset":
            verb.add_argument("--url", default="")
            verb.add_argument("--second-factor", action="store_true")
    return parser.parse_args(arguments)


@contextmanager
def _open_stores(settings: Settings) -> Iterator[AccountStores]:
    if is_missing_file(settings.accounts_url):
        raise NotFound(f"there are no accounts in {settings.data}; start `bookstream up` once")
    database = open_database(settings.accounts_url)
    try:
        yield create_stores(settings, database, SystemClock())
    finally:
        database.close()


async def _invalidate_user(cache_url: str, user_id: str) -> None:
    cache = open_cache(cache_url)
    try:
        await CacheGenerations(cache).advance(build_status_scope(user_id))
        responses = ResponseCache(
            cache,
            LocalCache(max_bytes=0, max_entry_bytes=0),
            now=time.monotonic,
            wall_now=time.time,
            is_shared=True,
        )
        await responses.purge_and_wait([USER_TAG + user_id])
    finally:
        await cache.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
