"""Routes of users: one's own account, and for administrators all accounts."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from bookcore.kit.openapi import describe_problems
from gateway.accounts import AccountChange
from gateway.api.dependencies import Admin, AnyCaller, Deps, UserPath, format_actor
from gateway.api.schemas import Me, User, UserChange, UserPage

router = APIRouter(prefix="/v1/users", tags=["users"])
_FIRST = (-1, "")
_QUESTION = "users by creation"


@router.get("/me", summary="Show your account")
async def show_me(caller: AnyCaller, control: Deps) -> Me:
    """Get the account of the token or key, and its scopes."""
    account = await asyncio.to_thread(control.stores.users.get_user, caller.user_id)
    return Me(
        **User.from_account(account).model_dump(), scopes=tuple(sorted(caller.scopes)), key_id=caller.key_id
    )


@router.get("", summary="List users", responses=describe_problems("bad-cursor"))
async def list_users(
    _: Admin,
    control: Deps,
    limit: Annotated[int, Query(ge=1, le=200, description="most users of the page")] = 50,
    cursor: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
) -> UserPage:
    """List users by creation, oldest first. For administrators."""
    after = _FIRST
    if cursor:
        created_at, user_id = control.cursors.decode(cursor, question=_QUESTION)
        after = int(created_at or 0), str(user_id)
    found = await asyncio.to_thread(control.stores.users.list_users, after, limit=limit + 1)
    page = found[:limit]
    ended = (page[-1].created_at, page[-1].id) if len(found) > limit else None
    next_cursor = control.cursors.encode(ended, question=_QUESTION) if ended else None
    users = tuple(User.from_account(account) for account in page)
    return UserPage(items=users, next=next_cursor, users=users, next_cursor=next_cursor)


@router.get("/{user_id}", summary="Show a user", responses=describe_problems("not-found"))
async def show_user(user_id: UserPath, _: Admin, control: Deps) -> User:
    """Get one account. For administrators."""
    return User.from_account(await asyncio.to_thread(control.stores.users.get_user, user_id))


@router.patch(
    "/{user_id}",
    summary="Change a user's role or plan, disable or enable",
    responses=describe_problems("not-found", "conflict"),
)
async def change_user(user_id: UserPath, change: UserChange, caller: Admin, control: Deps) -> User:
    """Change an account at once; disabling it ends all its sessions. 409 for the last administrator."""
    wanted = AccountChange(role=change.role, is_disabled=change.disabled, plan=change.plan)
    account = await asyncio.to_thread(
        control.stores.users.update_user, user_id, wanted, by=format_actor(caller)
    )
    await control.authenticator.invalidate_user(user_id)
    return User.from_account(account)


@router.delete(
    "/{user_id}",
    status_code=204,
    summary="Delete a user",
    responses=describe_problems("not-found", "conflict"),
)
async def delete_user(user_id: UserPath, caller: Admin, control: Deps) -> None:
    """Delete an account with all its sessions at once. 409 for the last administrator."""
    await asyncio.to_thread(control.stores.users.delete_user, user_id, by=format_actor(caller))
    await control.authenticator.invalidate_user(user_id)
