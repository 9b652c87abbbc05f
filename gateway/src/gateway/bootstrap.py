"""The first administrator, named by the settings."""

from pydantic import ValidationError

from bookcore.domain.errors import Conflict, Invalid
from bookcore.kit.auth import Role
from bookcore.kit.validation import explain_error
from gateway.accounts import Account
from gateway.accounts.users import Users
from gateway.api.schemas import NewAccount
from gateway.auth.passwords import Passwords


def ensure_admin(wanted: NewAccount, *, users: Users, passwords: Passwords) -> None:
    """Afterwards the address logs in with that password and is an administrator, whatever it was before.

    An account that is so already is left alone, with its sessions; else its sessions end, since whoever
    registered the address first need not be who the settings mean.
    """
    account = users.find_by_email(wanted.email)
    if account is None:
        try:
            users.create(wanted.email, passwords.hash_now(wanted.password), role=Role.ADMIN)
            return
        except Conflict:  # another gateway that starts just now was faster
            account = users.find_by_email(wanted.email)
    if account is not None and not _is_so(account, wanted, passwords):
        users.reset_admin(account.id, passwords.hash_now(wanted.password))


def wanted_admin(email: str, password: str) -> NewAccount | None:
    """What the settings ask for; None for nothing.

    Raises: Invalid naming the variable that is wrong.
    """
    if not email:
        return None
    try:
        return NewAccount(email=email, password=password)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = f"BOOKSTREAM_BOOTSTRAP_ADMIN_{str(first['loc'][0]).upper()}"
        raise Invalid(explain_error(first), field=name) from error


def _is_so(account: Account, wanted: NewAccount, passwords: Passwords) -> bool:
    is_admin = account.role is Role.ADMIN and not account.is_disabled
    return is_admin and passwords.matches_now(account.password_hash, wanted.password)
