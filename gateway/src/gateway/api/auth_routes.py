"""Register, log in, refresh, log out."""

import asyncio

from fastapi import APIRouter, Depends, Response

from bookcore.domain.errors import Conflict
from bookcore.kit.openapi import describe_problems
from gateway.api.dependencies import (
    NEEDS_LOGIN,
    Address,
    Anonymous,
    Deps,
    Origin,
    SessionCaller,
    count_address,
    format_actor,
)
from gateway.api.schemas import Login, NewAccount, Refresh, Tokens
from gateway.auth.access_tokens import build_unauthorized
from gateway.auth.login import PasswordLogin
from gateway.auth.password_rules import check_password

router = APIRouter(prefix="/v1/auth", tags=["auth"])


@router.post(
    "/register",
    status_code=201,
    summary="Create an account",
    dependencies=[Depends(count_address)],
    responses={
        202: {"description": "A link that confirms the address was mailed"},
        **describe_problems("conflict"),
    },
    response_model=Tokens,
)
async def register(new: NewAccount, control: Deps, address: Address, origin: Origin) -> Tokens | Response:
    """Create an account with the role reader and log it in. 409 for a registered address.

    Where addresses are to be confirmed first, the response is 202 for any address, and a mail says the rest.
    """
    await control.login_limits.count_everyone(address)
    check_password(new.password, email=new.email)
    stored = await control.passwords.hash(new.password)
    try:
        account = await asyncio.to_thread(control.stores.users.create_user, new.email, stored)
    except Conflict:
        if not control.confirms_emails:
            raise
        if await control.login_limits.count_mail("registered", new.email):
            control.mail.send_registered_already(new.email)
        return Response(status_code=202)
    if control.confirms_emails:
        await asyncio.to_thread(control.stores.credentials.require_confirmation, account.id)
        if await control.login_limits.count_mail("confirm", account.email):
            control.mail.send_confirmation(account)
        return Response(status_code=202)
    return control.create_tokens(*await control.logins.begin_session(account, origin))


@router.post(
    "/login",
    summary="Log in",
    responses=describe_problems("unauthorized", "second-factor-required", "forbidden"),
)
async def login(given: Login, control: Deps, address: Address, origin: Origin) -> Tokens:
    """Begin a session. An unknown address and a wrong password get the same response in the same time.

    An account with a second factor gets 401 `second-factor-required` for the password alone; send `code` too.
    """
    proof = PasswordLogin(given.email, given.password, given.code)
    return control.create_tokens(*await control.logins.log_in(proof, address, origin))


@router.post(
    "/refresh",
    dependencies=[Anonymous],
    summary="Get a new pair of tokens",
    responses=describe_problems("unauthorized"),
)
async def refresh(given: Refresh, control: Deps, origin: Origin) -> Tokens:
    """Exchange a refresh token for a new pair of tokens. A token works once: repeated within ten seconds, it
    gets the same successor; used later again, a sign of theft, it ends the session."""
    session = await asyncio.to_thread(control.stores.sessions.rotate_token, given.refresh_token, origin)
    if session is None:
        raise build_unauthorized("the refresh token is used, expired or unknown; log in again")
    status = await asyncio.to_thread(control.stores.sessions.find_status, session.id, session.user_id)
    if status is None:
        raise build_unauthorized("the session has ended; log in again")
    return control.create_tokens(session, status.role)


@router.post("/logout", status_code=204, summary="End the session", openapi_extra=NEEDS_LOGIN)
async def logout(caller: SessionCaller, control: Deps) -> None:
    """Invalidate the access and refresh tokens of this session."""
    await asyncio.to_thread(
        control.stores.sessions.end_session, caller.session, user_id=caller.user_id, by=format_actor(caller)
    )
    await control.authenticator.invalidate_user(caller.user_id)


@router.post(
    "/logout-everywhere", status_code=204, summary="End all your sessions", openapi_extra=NEEDS_LOGIN
)
async def logout_everywhere(caller: SessionCaller, control: Deps) -> None:
    """Invalidate the access and refresh tokens of all your sessions. API keys stay valid."""
    await asyncio.to_thread(control.stores.sessions.end_all_sessions, caller.user_id, by=format_actor(caller))
    await control.authenticator.invalidate_user(caller.user_id)
