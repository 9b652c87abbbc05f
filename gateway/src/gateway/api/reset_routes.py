"""Routes of links: a new password, a confirmed address. The answers don't tell which accounts exist."""

import asyncio

from fastapi import APIRouter, Depends, Response

from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from gateway.api.account_schemas import (
    EmailConfirmation,
    ForcedReset,
    LoginMethods,
    PasswordReset,
    ResetRequest,
)
from gateway.api.dependencies import (
    Address,
    Admin,
    Anonymous,
    Deps,
    Origin,
    UserPath,
    count_address,
    format_actor,
)
from gateway.auth.password_rules import check_password

router = APIRouter()


@router.get("/v1/auth/methods", tags=["auth"], dependencies=[Anonymous], summary="Show how to log in")
async def show_login_methods(control: Deps) -> LoginMethods:
    """Whether an organisation's provider is set, and whether a forgotten password can be reset by mail."""
    return LoginMethods(provider=control.oidc is not None, password_reset=control.mail.can_send)


@router.post(
    "/v1/auth/password-reset",
    tags=["auth"],
    status_code=202,
    response_class=Response,
    summary="Ask for a reset link",
    dependencies=[Depends(count_address)],
    responses=describe_problems("forbidden"),
)
async def ask_for_reset(given: ResetRequest, control: Deps) -> Response:
    """Mail a link to a new password, if there is an account. The answer is the same, and as fast, if not."""
    if not control.mail.can_send:
        raise ProblemError(
            "forbidden",
            "this gateway sends no mail; ask an administrator for a link (`bookstream user reset`)",
        )
    if await control.login_limits.count_mail("reset", given.email):
        control.mail.send_reset(given.email)
    return Response(status_code=202)


@router.post(
    "/v1/auth/password-reset/confirm",
    tags=["auth"],
    status_code=204,
    summary="Choose a new password by a link",
    dependencies=[Depends(count_address)],
)
async def reset_password(given: PasswordReset, control: Deps, address: Address, origin: Origin) -> None:
    """Set the password and end all sessions; the link works once, in any browser, and logs nobody in."""
    credentials = control.stores.credentials
    user_id = await asyncio.to_thread(credentials.find_reset, given.token)
    account = await asyncio.to_thread(control.stores.users.get_user, user_id)
    check_password(given.new_password, email=account.email, field="new_password")
    await control.login_limits.count_everyone(address)
    stored = await control.passwords.hash(given.new_password)
    await asyncio.to_thread(credentials.reset_password, given.token, stored)
    await asyncio.to_thread(control.stores.networks.remember, user_id, origin.network)
    await control.authenticator.invalidate_user(user_id)
    control.mail.send_change(account, "The password of your Bookstream account was reset.")


@router.post(
    "/v1/auth/confirm-email",
    tags=["auth"],
    status_code=204,
    summary="Confirm an e-mail address by a link",
    dependencies=[Depends(count_address)],
)
async def confirm_email(given: EmailConfirmation, control: Deps) -> None:
    """Confirm that you read mail to the address; the link works once."""
    await asyncio.to_thread(control.stores.credentials.confirm_email, given.token)


@router.post(
    "/v1/users/{user_id}/password-reset",
    tags=["users"],
    summary="Force a password reset",
    responses=describe_problems("not-found"),
)
async def force_reset(user_id: UserPath, caller: Admin, control: Deps) -> ForcedReset:
    """End all sessions of a user and refuse the password until it is reset; mails the link. API keys stay
    valid. For administrators."""
    account = await asyncio.to_thread(control.stores.users.get_user, user_id)
    actor = format_actor(caller)
    await asyncio.to_thread(control.stores.credentials.force_reset, user_id, by=actor)
    await control.authenticator.invalidate_user(user_id)
    control.mail.send_reset(account.email, by=actor)
    return ForcedReset(mailed=control.mail.can_send)
