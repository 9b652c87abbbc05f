"""Register, log in, refresh, log out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends

from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from gateway.accounts import Account
from gateway.accounts.login_failures import EVERYBODY, Kind
from gateway.api.dependencies import NEEDS_LOGIN, Address, Anonymous, Control, In, Person, actor
from gateway.api.schemas import Login, NewAccount, Refresh, Tokens
from gateway.auth.access_tokens import unauthorized

router = APIRouter(prefix="/v1/auth", tags=["auth"])


async def _login_quota(control: In, address: Address) -> None:
    with _noted(control, Kind.REFUSED, address, address=address):
        await control.access.count(control.access.quotas.login_address, address)


LoginQuota = Annotated[None, Depends(_login_quota)]


@contextmanager
def _noted(control: Control, kind: Kind, subject: str, *, address: str) -> Iterator[None]:
    """For the audit log, when what is done within is refused."""
    try:
        yield
    except ProblemError:
        control.failures.note(kind, subject, address=address)
        raise


async def _everybodys_turn(control: Control, address: str) -> None:
    with _noted(control, Kind.REFUSED, EVERYBODY, address=address):
        await control.access.count(control.access.quotas.login_everyone, "")


@router.post("/register", status_code=201, summary="Make an account", responses=describe_problems("conflict"))
async def register(new: NewAccount, control: In, address: Address, _: LoginQuota) -> Tokens:
    """Makes an account with the role reader and logs it in. A taken address answers 409."""
    await _everybodys_turn(control, address)
    stored = await control.passwords.hash(new.password)
    account = await asyncio.to_thread(control.stores.users.create, new.email, stored)
    session = await asyncio.to_thread(control.stores.sessions.begin, account.id)
    return control.pair(session, account.role)


@router.post("/login", summary="Log in", responses=describe_problems("unauthorized", "forbidden"))
async def login(given: Login, control: In, address: Address, _: LoginQuota) -> Tokens:
    """Begins a session. Wrong address and wrong password get the same answer in the same time."""
    with _noted(control, Kind.LOCKED, given.email, address=address):
        await control.access.count(control.access.quotas.login_email, given.email)
    await _everybodys_turn(control, address)
    with _noted(control, Kind.FAILED, given.email, address=address):
        account = await _account_of(given, control)
    session = await asyncio.to_thread(control.stores.sessions.begin, account.id)
    return control.pair(session, account.role)


async def _account_of(given: Login, control: Control) -> Account:
    """Raises: ProblemError, unauthorized or forbidden."""
    account = await asyncio.to_thread(control.stores.users.find_by_email, given.email)
    is_right = await control.passwords.matches(account.password_hash if account else None, given.password)
    if account is None or not is_right:
        raise unauthorized("wrong e-mail address or password", is_token_bad=False)
    if account.is_disabled:
        raise ProblemError("forbidden", "this account is disabled; ask an administrator")
    return account


@router.post(
    "/refresh",
    dependencies=[Anonymous],
    summary="Get a new pair of tokens",
    responses=describe_problems("unauthorized"),
)
async def refresh(given: Refresh, control: In) -> Tokens:
    """Each refresh token works once; a second use ends the session, since one of the two was a thief."""
    session = await asyncio.to_thread(control.stores.sessions.rotate, given.refresh_token)
    if session is None:
        raise unauthorized("the refresh token is used, expired or unknown; log in again")
    standing = await asyncio.to_thread(control.stores.sessions.standing_in, session.id, session.user_id)
    if standing is None:
        raise unauthorized("the session has ended; log in again")
    return control.pair(session, standing.role)


@router.post("/logout", status_code=204, summary="End the session", openapi_extra=NEEDS_LOGIN)
async def logout(caller: Person, control: In) -> None:
    """From now on the session's access and refresh tokens are void."""
    await asyncio.to_thread(control.stores.sessions.end, caller.session, by=actor(caller))
    await control.access.forget(caller.user_id)


@router.post(
    "/logout-everywhere", status_code=204, summary="End all your sessions", openapi_extra=NEEDS_LOGIN
)
async def logout_everywhere(caller: Person, control: In) -> None:
    """From now on all your access and refresh tokens are void. API keys stay; revoke them one by one."""
    await asyncio.to_thread(control.stores.sessions.end_all, caller.user_id, by=actor(caller))
    await control.access.forget(caller.user_id)
