"""Users; e-mail addresses are unique."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from bookcore.domain.errors import Conflict, NotFound
from bookcore.kit.auth import Role
from bookcore.kit.clock import Clock
from gateway.accounts import FREE_PLAN, Account, AccountChange
from gateway.accounts.audit import AuditEvent, append_event
from gateway.accounts.database import Database
from gateway.accounts.security_tables import second_factors
from gateway.accounts.tables import families, subscriptions, usage, usage_totals, users

BY_SETTINGS = "settings"
"""Actor of changes by settings at startup."""


def select_plan() -> ColumnElement[str]:
    """Plan column of users joined with subscriptions."""
    return func.coalesce(subscriptions.c.plan, FREE_PLAN)


def select_has_second_factor() -> ColumnElement[bool]:
    """Whether users of the query have an active second factor."""
    factors = second_factors.c
    return exists().where(factors.user_id == users.c.id, factors.is_active.is_(True))


def _select_accounts() -> Select[tuple[object, ...]]:
    return select(*users.c, select_plan().label("plan")).outerjoin(
        subscriptions, subscriptions.c.user_id == users.c.id
    )


class UserStore:
    """Keeps at least one enabled administrator once there was one."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_user(self, email: str, password_hash: str, *, role: Role = Role.READER) -> Account:
        """Raises: Conflict when the address is taken."""
        account = Account(
            uuid4().hex, email, password_hash, role, is_disabled=False, created_at=self._read_clock()
        )
        try:
            with self._database.begin_write() as connection:
                connection.execute(insert(users).values(**_to_row(account)))
                deed = AuditEvent(account.id, "user.created", account.id, {"role": role.value})
                append_event(connection, deed, at=account.created_at)
        except IntegrityError as error:
            raise Conflict("this e-mail address is registered; log in instead") from error
        return account

    def find_by_email(self, email: str) -> Account | None:
        """Account of a normalized address."""
        with self._database.begin_read() as connection:
            row = connection.execute(_select_accounts().where(users.c.email == email)).first()
        return None if row is None else _parse_row(row)

    def get_user(self, user_id: str) -> Account:
        """Raises: NotFound."""
        with self._database.begin_read() as connection:
            return _get_account(connection, user_id)

    def list_users(self, after: tuple[int, str], *, limit: int) -> Sequence[Account]:
        """Users after (created_at, id), by creation."""
        created_at, user_id = after
        is_later = or_(
            users.c.created_at > created_at,
            and_(users.c.created_at == created_at, users.c.id > user_id),
        )
        query = _select_accounts().where(is_later).order_by(users.c.created_at, users.c.id).limit(limit)
        with self._database.begin_read() as connection:
            return [_parse_row(row) for row in connection.execute(query)]

    def update_user(self, user_id: str, change: AccountChange, *, by: str) -> Account:
        """Raises: NotFound; Conflict when no administrator would be left."""
        with self._database.begin_write() as connection:
            before = _get_account(connection, user_id)
            role = before.role if change.role is None else change.role
            is_disabled = before.is_disabled if change.is_disabled is None else change.is_disabled
            if role is not Role.ADMIN or is_disabled:
                _check_last_admin(connection, before)
            if is_disabled:
                connection.execute(delete(families).where(families.c.user_id == user_id))
            values = {"role": role.value, "is_disabled": is_disabled}
            connection.execute(update(users).where(users.c.id == user_id).values(**values))
            if change.plan is not None:
                _set_plan(connection, user_id, change.plan)
            append_event(
                connection,
                AuditEvent(by, "user.changed", user_id, _describe_change(change)),
                at=self._read_clock(),
            )
            return _get_account(connection, user_id)

    def delete_user(self, user_id: str, *, by: str) -> None:
        """Erase all that is stored about a user. The audit log stays whole: it names users by random ids.

        Raises: NotFound; Conflict when no administrator would be left.
        """
        with self._database.begin_write() as connection:
            _check_last_admin(connection, _get_account(connection, user_id))
            connection.execute(delete(users).where(users.c.id == user_id))
            connection.execute(delete(usage).where(usage.c.user_id == user_id))
            connection.execute(delete(usage_totals).where(usage_totals.c.user_id == user_id))
            append_event(connection, AuditEvent(by, "user.deleted", user_id), at=self._read_clock())
        self._database.flush_deletions()

    def reset_admin(self, user_id: str, password_hash: str) -> None:
        """Make the user an enabled administrator with that password and end all its sessions."""
        values = {"role": Role.ADMIN.value, "is_disabled": False, "password_hash": password_hash}
        with self._database.begin_write() as connection:
            connection.execute(delete(families).where(families.c.user_id == user_id))
            connection.execute(update(users).where(users.c.id == user_id).values(**values))
            append_event(connection, AuditEvent(BY_SETTINGS, "user.reset", user_id), at=self._read_clock())

    def _read_clock(self) -> int:
        return int(self._clock.now().timestamp())


def _get_account(connection: Connection, user_id: str) -> Account:
    row = connection.execute(_select_accounts().where(users.c.id == user_id)).first()
    if row is None:
        raise NotFound(f"no user {user_id[:40]!r}; GET /v1/users lists them")
    return _parse_row(row)


def _set_plan(connection: Connection, user_id: str, plan: str) -> None:
    connection.execute(delete(subscriptions).where(subscriptions.c.user_id == user_id))
    connection.execute(insert(subscriptions).values(user_id=user_id, plan=plan))


def _describe_change(change: AccountChange) -> dict[str, str]:
    said = {"role": change.role, "disabled": change.is_disabled, "plan": change.plan}
    return {name: str(value) for name, value in said.items() if value is not None}


def _check_last_admin(connection: Connection, leaving: Account) -> None:
    others = select(func.count()).where(
        users.c.role == Role.ADMIN.value, users.c.is_disabled.is_(False), users.c.id != leaving.id
    )
    is_admin = leaving.role is Role.ADMIN and not leaving.is_disabled
    if is_admin and connection.execute(others).scalar_one() == 0:
        raise Conflict("this is the last administrator; appoint another one first")


def _parse_row(row: Row[tuple[object, ...]]) -> Account:
    fields = row._mapping
    return Account(**{**fields, "role": Role(fields["role"])})


def _to_row(account: Account) -> dict[str, str | int]:
    return {
        "id": account.id,
        "email": account.email,
        "password_hash": account.password_hash,
        "role": account.role.value,
        "is_disabled": account.is_disabled,
        "created_at": account.created_at,
    }
