"""Register, log in, refresh, log out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends

from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from gateway.accounts import Account
from gateway.accounts.login_failures import EVERYBODY, LoginFailureKind
from gateway.api.dependencies import (
    NEEDS_LOGIN,
    Address,
    Anonymous,
    ApiDependencies,
    Deps,
    SessionCaller,
    format_actor,
)
from gateway.api.schemas import Login, NewAccount, Refresh, Tokens
from gateway.auth.access_tokens import build_unauthorized

router = APIRouter(prefix="/v1/auth", tags=["auth"])


async def _count_login(control: Deps, address: Address) -> None:
    with _record_rejection(control, LoginFailureKind.REFUSED, address, address=address):
        await control.authenticator.count_request(control.authenticator.quotas.login_address, address)


LoginQuota = Annotated[None, Depends(_count_login)]


@contextmanager
def _record_rejection(
    control: ApiDependencies, kind: LoginFailureKind, subject: str, *, address: str
) -> Iterator[None]:
    """Record a failed login when the block raises a ProblemError."""
    try:
        yield
    except ProblemError:
        control.failures.record(kind, subject, address=address)
        raise


async def _count_everyone(control: ApiDependencies, address: str) -> None:
    with _record_rejection(control, LoginFailureKind.REFUSED, EVERYBODY, address=address):
        await control.authenticator.count_request(control.authenticator.quotas.login_everyone, "")


@router.post(
    "/register", status_code=201, summary="Create an account", responses=describe_problems("conflict")
)
async def register(new: NewAccount, control: Deps, address: Address, _: LoginQuota) -> Tokens:
    """Create an account with the role reader and log it in. 409 for a registered address."""
    await _count_everyone(control, address)
    stored = await control.passwords.hash(new.password)
    account = await asyncio.to_thread(control.stores.users.create_user, new.email, stored)
    session = await asyncio.to_thread(control.stores.sessions.create_session, account.id)
    return control.create_tokens(session, account.role)


@router.post("/login", summary="Log in", responses=describe_problems("unauthorized", "forbidden"))
async def login(given: Login, control: Deps, address: Address, _: LoginQuota) -> Tokens:
    """Begin a session. An unknown address and a wrong password get the same response in the same time."""
    with _record_rejection(control, LoginFailureKind.LOCKED, given.email, address=address):
        await control.authenticator.count_request(control.authenticator.quotas.login_email, given.email)
    await _count_everyone(control, address)
    with _record_rejection(control, LoginFailureKind.FAILED, given.email, address=address):
        account = await _check_credentials(given, control)
    session = await asyncio.to_thread(control.stores.sessions.create_session, account.id)
    return control.create_tokens(session, account.role)


async def _check_credentials(given: Login, control: ApiDependencies) -> Account:
    """Raises: ProblemError, unauthorized or forbidden."""
    account = await asyncio.to_thread(control.stores.users.find_by_email, given.email)
    is_right = await control.passwords.verify(account.password_hash if account else None, given.password)
    if account is None or not is_right:
        raise build_unauthorized("wrong e-mail address or password", is_token_bad=False)
    if account.is_disabled:
        raise ProblemError("forbidden", "this account is disabled; ask an administrator")
    return account


@router.post(
    "/refresh",
    dependencies=[Anonymous],
    summary="Get a new pair of tokens",
    responses=describe_problems("unauthorized"),
)
async def refresh(given: Refresh, control: Deps) -> Tokens:
    """Exchange a refresh token for a new pair of tokens. A token works once; its second use, a sign of
    theft, ends the session."""
    session = await asyncio.to_thread(control.stores.sessions.rotate_token, given.refresh_token)
    if session is None:
        raise build_unauthorized("the refresh token is used, expired or unknown; log in again")
    status = await asyncio.to_thread(control.stores.sessions.find_status, session.id, session.user_id)
    if status is None:
        raise build_unauthorized("the session has ended; log in again")
    return control.create_tokens(session, status.role)


@router.post("/logout", status_code=204, summary="End the session", openapi_extra=NEEDS_LOGIN)
async def logout(caller: SessionCaller, control: Deps) -> None:
    """Invalidate the access and refresh tokens of this session."""
    await asyncio.to_thread(control.stores.sessions.end_session, caller.session, by=format_actor(caller))
    await control.authenticator.invalidate_user(caller.user_id)


@router.post(
    "/logout-everywhere", status_code=204, summary="End all your sessions", openapi_extra=NEEDS_LOGIN
)
async def logout_everywhere(caller: SessionCaller, control: Deps) -> None:
    """Invalidate the access and refresh tokens of all your sessions. API keys stay valid."""
    await asyncio.to_thread(control.stores.sessions.end_all_sessions, caller.user_id, by=format_actor(caller))
    await control.authenticator.invalidate_user(caller.user_id)
