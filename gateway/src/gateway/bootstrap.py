"""Creates the administrator that the settings name."""

from pydantic import ValidationError

from bookcore.domain.errors import Conflict, Invalid
from bookcore.kit.auth import Role
from bookcore.kit.validation import explain_error
from gateway.accounts import Account
from gateway.accounts.users import UserStore
from gateway.api.schemas import NewAccount
from gateway.auth.password_rules import check_password
from gateway.auth.passwords import PasswordHasher


def ensure_admin(wanted: NewAccount, *, users: UserStore, passwords: PasswordHasher) -> None:
    """Creates the administrator, or makes the account one with that password.

    An account that is up to date keeps its sessions; else they end, since the person who registered the
    address need not be the administrator.
    """
    account = users.find_by_email(wanted.email)
    if account is None:
        try:
            users.create_user(wanted.email, passwords.hash_blocking(wanted.password), role=Role.ADMIN)
            return
        except Conflict:  # another gateway created it at the same time
            account = users.find_by_email(wanted.email)
    if account is not None and not _is_up_to_date(account, wanted, passwords):
        users.reset_admin(account.id, passwords.hash_blocking(wanted.password))


def parse_admin(email: str, password: str) -> NewAccount | None:
    """Parses the settings; None when they name no administrator.

    Raises: Invalid naming the variable that is wrong.
    """
    if not email:
        return None
    try:
        admin = NewAccount(email=email, password=password)
        check_password(admin.password, email=admin.email, field="BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD")
        return admin
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = f"BOOKSTREAM_BOOTSTRAP_ADMIN_{str(first['loc'][0]).upper()}"
        raise Invalid(explain_error(first), field=name) from error


def _is_up_to_date(account: Account, wanted: NewAccount, passwords: PasswordHasher) -> bool:
    is_admin = account.role is Role.ADMIN and not account.is_disabled
    return is_admin and passwords.verify_blocking(account.password_hash, wanted.password)
