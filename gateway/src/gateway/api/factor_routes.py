"""Routes of one's second factor."""

import asyncio

from fastapi import APIRouter

from bookcore.kit.auth import Role
from bookcore.kit.openapi import describe_problems
from gateway.api.account_schemas import (
    CodeProof,
    NewSecondFactorOut,
    PasswordProof,
    RecoveryCodes,
    SecondFactorState,
)
from gateway.api.dependencies import NEEDS_LOGIN, Address, Deps, SessionCaller, format_actor

router = APIRouter(prefix="/v1/users/me/second-factor", tags=["users"])


@router.get("", summary="Show your second factor", openapi_extra=NEEDS_LOGIN)
async def show_second_factor(caller: SessionCaller, control: Deps) -> SecondFactorState:
    """Whether your logins need a code, and whether your role requires it."""
    is_active = await asyncio.to_thread(control.stores.second_factors.is_active, caller.user_id)
    is_required = control.authenticator.admins_need_factor and caller.role is Role.ADMIN
    return SecondFactorState(active=is_active, required=is_required)


@router.post(
    "",
    status_code=201,
    summary="Begin a second factor",
    responses=describe_problems("conflict"),
    openapi_extra=NEEDS_LOGIN,
)
async def begin_second_factor(
    given: PasswordProof, caller: SessionCaller, control: Deps, address: Address
) -> NewSecondFactorOut:
    """Get a secret for an authenticator app. It counts once a code of it was confirmed."""
    account = await control.logins.confirm_password(
        caller.user_id, given.password, address=address, field="password"
    )
    new = await asyncio.to_thread(control.stores.second_factors.begin, account.id, account.email)
    return NewSecondFactorOut(secret=new.secret, uri=new.uri)


@router.post(
    "/confirm",
    summary="Confirm your second factor",
    responses=describe_problems("not-found", "conflict"),
    openapi_extra=NEEDS_LOGIN,
)
async def confirm_second_factor(given: CodeProof, caller: SessionCaller, control: Deps) -> RecoveryCodes:
    """Require codes from now on; ends all your other sessions. Only this response has the recovery codes."""
    await control.logins.count_code(caller.user_id)
    codes = await asyncio.to_thread(
        control.stores.second_factors.activate, caller.user_id, given.code, session=caller.session
    )
    await control.authenticator.invalidate_user(caller.user_id)
    await _tell_owner(control, caller.user_id, "A second factor was added to your Bookstream account.")
    return RecoveryCodes(recovery_codes=tuple(codes))


@router.post("/recovery-codes", summary="Renew your recovery codes", openapi_extra=NEEDS_LOGIN)
async def renew_recovery_codes(given: CodeProof, caller: SessionCaller, control: Deps) -> RecoveryCodes:
    """Replace the recovery codes; the old ones end."""
    await control.logins.confirm_code(caller.user_id, given.code)
    codes = await asyncio.to_thread(control.stores.second_factors.renew_codes, caller.user_id)
    return RecoveryCodes(recovery_codes=tuple(codes))


@router.post(
    "/remove",
    status_code=204,
    summary="Remove your second factor",
    responses=describe_problems("not-found"),
    openapi_extra=NEEDS_LOGIN,
)
async def remove_second_factor(given: CodeProof, caller: SessionCaller, control: Deps) -> None:
    """Log in by password alone. Asks for a code, which a thief of a session doesn't have."""
    await control.logins.confirm_code(caller.user_id, given.code)
    await asyncio.to_thread(control.stores.second_factors.remove, caller.user_id, by=format_actor(caller))
    await control.authenticator.invalidate_user(caller.user_id)
    await _tell_owner(control, caller.user_id, "The second factor of your Bookstream account was removed.")


async def _tell_owner(control: Deps, user_id: str, change: str) -> None:
    control.mail.send_change(await asyncio.to_thread(control.stores.users.get_user, user_id), change)
