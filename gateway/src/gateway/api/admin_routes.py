"""Routes for administrators: audit log and signing keys."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from bookcore.kit.openapi import describe_problems
from gateway.accounts.audit import AuditEvent, AuditFilter
from gateway.api.cache_routes import ThePurger
from gateway.api.dependencies import Admin, Deps, format_actor
from gateway.api.key_schemas import KID, AuditEntry, AuditPage, AuditVerdict, SigningKeyOut
from gateway.routing.cache_tags import ALL_USERS

router = APIRouter(prefix="/v1/admin", tags=["admin"])
_QUESTION = "audit log"


class AuditQuery(BaseModel):
    """Filters and page of the audit log."""

    action: Annotated[str | None, Field(max_length=80, examples=["key.created"])] = Field(
        None, description="only this kind of change"
    )
    actor: Annotated[str | None, Field(max_length=80)] = Field(
        None, description="only changes by this user, or by this user's key as `user/key`"
    )
    target: Annotated[str | None, Field(max_length=80)] = Field(
        None, description="only changes of this user, key, or other thing"
    )
    before: Annotated[int | None, Field(ge=1, le=2**53)] = Field(
        None,
        description="only entries before this `seq`; use `cursor`",
        json_schema_extra={"deprecated": True},
    )
    cursor: str = Field("", max_length=200, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200, description="most entries of the page")


@router.get("/audit", summary="Read the audit log", responses=describe_problems("bad-cursor"))
async def list_audit(_: Admin, control: Deps, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """List the audit log, newest first. Entries can't be changed or deleted."""
    log = control.stores.audit
    before = query.before
    if query.cursor:
        before = int(control.cursors.decode(query.cursor, question=_QUESTION)[0] or 0)
    wanted = AuditFilter(query.action, query.actor, query.target)
    found = await asyncio.to_thread(log.list_records, wanted, before=before, limit=query.limit + 1)
    page = found[: query.limit]
    end = page[-1].seq if len(found) > query.limit else None
    entries = tuple(AuditEntry.from_record(entry) for entry in page)
    cursor = None if end is None else control.cursors.encode([end], question=_QUESTION)
    return AuditPage(items=entries, next=cursor, entries=entries, next_before=end)


@router.get("/audit/verify", summary="Check the audit log")
async def verify_audit(_: Admin, control: Deps) -> AuditVerdict:
    """Verify every hash of the log. Compare `head` with the one in the gateway's log, which is stored
    elsewhere."""
    return AuditVerdict.from_verification(await asyncio.to_thread(control.stores.audit.verify))


@router.post(
    "/signing-keys",
    status_code=201,
    summary="Rotate the signing key",
    responses=describe_problems("conflict"),
)
async def rotate_signing_key(caller: Admin, control: Deps) -> SigningKeyOut:
    """Sign new tokens with a new key; old tokens stay valid until they expire.

    Keys that are given from outside, such as a mounted Secret, are rotated there.
    """
    kid = await asyncio.to_thread(control.keys.rotate)
    await asyncio.to_thread(
        control.stores.audit.append, AuditEvent(format_actor(caller), "signing-key.rotated", kid)
    )
    return SigningKeyOut(kid=kid)


@router.delete(
    "/signing-keys/{kid}",
    status_code=204,
    summary="Distrust a signing key",
    responses=describe_problems("not-found", "conflict"),
)
async def distrust_signing_key(
    kid: Annotated[
        str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", description="id of a signing key", examples=[KID])
    ],
    caller: Admin,
    control: Deps,
    purger: ThePurger,
) -> None:
    """Refuse all tokens of a leaked key at every gateway; refresh tokens stay valid.

    The key that signs is followed by a new one.
    """
    await asyncio.to_thread(control.keys.distrust, kid)
    await asyncio.to_thread(
        control.stores.audit.append, AuditEvent(format_actor(caller), "signing-key.distrusted", kid)
    )
    await purger.purge([ALL_USERS])
