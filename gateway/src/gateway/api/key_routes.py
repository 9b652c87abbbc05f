"""Routes of API keys, plans and usage: one's own, and for administrators those of any user."""

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from bookcore.domain.errors import Forbidden
from bookcore.kit.openapi import describe_problems
from gateway.accounts import Account
from gateway.accounts.api_keys import NewKey
from gateway.accounts.caller import Caller
from gateway.accounts.periods import DAY, MONTH, get_period
from gateway.accounts.usage import HOUR
from gateway.api.dependencies import (
    NEEDS_LOGIN,
    Admin,
    Anonymous,
    AnyCaller,
    ApiDependencies,
    Deps,
    KeyPath,
    SessionCaller,
    UserPath,
    format_actor,
)
from gateway.api.key_schemas import (
    KeyIn,
    KeyOut,
    KeysOut,
    NewKeyOut,
    PeriodOut,
    PlanOut,
    PlansOut,
    UsageCell,
    UsageOut,
)
from gateway.api.schemas import to_datetime
from gateway.ratelimit.plans import PLANS, Plan, build_quota, get_plan

router = APIRouter(prefix="/v1")
Days = Annotated[int, Query(ge=1, le=92, description="days to look back")]


@router.get("/keys", tags=["keys"], summary="List your API keys", openapi_extra=NEEDS_LOGIN)
async def list_keys(caller: SessionCaller, control: Deps) -> KeysOut:
    """List your keys without their secrets, which are not stored."""
    return await _list_keys(control, caller.user_id)


@router.post(
    "/keys",
    tags=["keys"],
    status_code=201,
    summary="Make an API key",
    responses=describe_problems("conflict"),
    openapi_extra=NEEDS_LOGIN,
)
async def create_key(new: KeyIn, caller: SessionCaller, control: Deps) -> NewKeyOut:
    """Create a key. Only this response has the secret. 409 at the limit of your plan."""
    beyond = sorted(scope for scope in new.scopes if scope not in caller.scopes)
    if beyond:
        raise Forbidden(f"you don't have the scope {beyond[0]}")
    account = await asyncio.to_thread(control.stores.users.get_user, caller.user_id)
    expires_at = (
        None if new.days is None else _read_clock(control) + int(timedelta(days=new.days).total_seconds())
    )
    key, secret = await asyncio.to_thread(
        control.stores.api_keys.create_key,
        caller.user_id,
        NewKey(new.name, frozenset(scope.value for scope in new.scopes), expires_at),
        max_keys=get_plan(account.plan).max_keys,
    )
    return NewKeyOut.from_secret(key, secret)


@router.delete(
    "/keys/{key_id}",
    tags=["keys"],
    status_code=204,
    summary="Revoke an API key",
    responses=describe_problems("not-found"),
    openapi_extra=NEEDS_LOGIN,
)
async def revoke_key(key_id: KeyPath, caller: SessionCaller, control: Deps) -> None:
    """Invalidate a key at once."""
    await _revoke_key(control, caller, user_id=caller.user_id, key_id=key_id)


@router.get(
    "/users/{user_id}/keys",
    tags=["users"],
    summary="List a user's API keys",
    responses=describe_problems("not-found"),
)
async def list_keys_of_user(user_id: UserPath, _: Admin, control: Deps) -> KeysOut:
    """For administrators."""
    return await _list_keys(control, user_id)


@router.delete(
    "/users/{user_id}/keys/{key_id}", tags=["users"], status_code=204, summary="Revoke a user's API key"
)
async def revoke_key_of_user(user_id: UserPath, key_id: KeyPath, caller: Admin, control: Deps) -> None:
    """Invalidate a key of any user at once. For administrators."""
    await _revoke_key(control, caller, user_id=user_id, key_id=key_id)


@router.get("/plans", tags=["keys"], dependencies=[Anonymous], summary="List the plans")
async def list_plans(control: Deps) -> PlansOut:
    """List the plans and their limits. An administrator assigns plans."""
    plans = tuple(_build_plan(control, plan) for plan in PLANS.values())
    return PlansOut(items=plans, next=None, plans=plans)


@router.get("/usage", tags=["keys"], summary="Show your usage")
async def show_usage(caller: AnyCaller, control: Deps, days: Days = 7) -> UsageOut:
    """Get requests by hour and key and the usage of day and month, a few seconds delayed."""
    return await _build_usage(control, caller.user_id, days)


@router.get(
    "/users/{user_id}/usage",
    tags=["users"],
    summary="Show a user's usage",
    responses=describe_problems("not-found"),
)
async def show_usage_of_user(user_id: UserPath, _: Admin, control: Deps, days: Days = 7) -> UsageOut:
    """For administrators."""
    return await _build_usage(control, user_id, days)


async def _list_keys(control: ApiDependencies, user_id: str) -> KeysOut:
    account = await asyncio.to_thread(control.stores.users.get_user, user_id)
    stored = await asyncio.to_thread(control.stores.api_keys.list_keys, user_id)
    keys = tuple(KeyOut.from_key(key) for key in stored)
    return KeysOut(items=keys, next=None, keys=keys, most=get_plan(account.plan).max_keys)


async def _revoke_key(control: ApiDependencies, caller: Caller, *, user_id: str, key_id: str) -> None:
    await asyncio.to_thread(control.stores.api_keys.revoke_key, user_id, key_id, by=format_actor(caller))
    await control.authenticator.invalidate_user(user_id)


async def _build_usage(control: ApiDependencies, user_id: str, days: int) -> UsageOut:
    account: Account = await asyncio.to_thread(control.stores.users.get_user, user_id)
    now = _read_clock(control)
    since = now - now % HOUR - days * 24 * HOUR
    counted = await asyncio.to_thread(control.stores.usage.list_usage, user_id, since=since)
    totals = await asyncio.to_thread(control.stores.usage.read_totals, [user_id], at=now)
    quota = build_quota(account.plan, control.authenticator.quotas.user)
    periods = {
        each.name: PeriodOut(
            used=totals.get((user_id, each.name), 0),
            limit=each.requests,
            resets_at=to_datetime(get_period(each.name, now).end),
        )
        for each in quota.beside
    }
    return UsageOut(
        user_id=user_id,
        plan=_build_plan(control, get_plan(account.plan)),
        day=periods[DAY],
        month=periods[MONTH],
        cells=tuple(UsageCell.from_usage(cell) for cell in counted),
    )


def _build_plan(control: ApiDependencies, plan: Plan) -> PlanOut:
    return PlanOut.from_plan(plan, build_quota(plan.name, control.authenticator.quotas.user))


def _read_clock(control: ApiDependencies) -> int:
    return int(control.clock.now().timestamp())
