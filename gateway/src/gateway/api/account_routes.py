"""Routes of one's own account: password, sessions, deletion. API keys may use none of them."""

import asyncio

from fastapi import APIRouter

from bookcore.domain.errors import Invalid
from bookcore.kit.openapi import describe_problems
from gateway.api.account_schemas import AccountDeletion, PasswordChange, SessionOut, SessionsOut
from gateway.api.dependencies import NEEDS_LOGIN, Address, Deps, SessionCaller, SessionPath, format_actor
from gateway.auth.password_rules import check_password

router = APIRouter(prefix="/v1/users/me", tags=["users"])


@router.post("/password", status_code=204, summary="Change your password", openapi_extra=NEEDS_LOGIN)
async def change_password(
    given: PasswordChange, caller: SessionCaller, control: Deps, address: Address
) -> None:
    """Set a new password and end all your other sessions. API keys stay valid."""
    account = await control.logins.confirm_password(
        caller.user_id, given.old_password, address=address, field="old_password"
    )
    check_password(given.new_password, email=account.email, field="new_password")
    stored = await control.passwords.hash(given.new_password)
    await asyncio.to_thread(
        control.stores.credentials.change_password, account.id, stored, session=caller.session
    )
    await control.authenticator.invalidate_user(account.id)
    control.mail.send_change(account, "The password of your Bookstream account was changed.")


@router.get("/sessions", summary="List your sessions", openapi_extra=NEEDS_LOGIN)
async def list_sessions(caller: SessionCaller, control: Deps) -> SessionsOut:
    """List your sessions with device, network and last use. `POST /v1/auth/logout-everywhere` ends all."""
    found = await asyncio.to_thread(control.stores.sessions.list_sessions, caller.user_id)
    return SessionsOut(
        items=tuple(SessionOut.from_details(each, current=caller.session) for each in found), next=None
    )


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    summary="End one of your sessions",
    responses=describe_problems("not-found"),
    openapi_extra=NEEDS_LOGIN,
)
async def end_session(session_id: SessionPath, caller: SessionCaller, control: Deps) -> None:
    """Invalidate the access and refresh tokens of a session at once."""
    await asyncio.to_thread(
        control.stores.sessions.end_session, session_id, user_id=caller.user_id, by=format_actor(caller)
    )
    await control.authenticator.invalidate_user(caller.user_id)


@router.delete(
    "",
    status_code=204,
    summary="Delete your account",
    responses=describe_problems("conflict"),
    openapi_extra=NEEDS_LOGIN,
)
async def delete_me(given: AccountDeletion, caller: SessionCaller, control: Deps, address: Address) -> None:
    """Erase your account, sessions, keys and usage at once. The audit log keeps its entries, which name you
    by a random id only. 409 for the last administrator."""
    account = await control.logins.confirm_password(
        caller.user_id, given.password, address=address, field="password"
    )
    if given.email != account.email:
        raise Invalid("is not the address of this account", field="email")
    await asyncio.to_thread(control.stores.users.delete_user, account.id, by=format_actor(caller))
    await control.authenticator.invalidate_user(account.id)
