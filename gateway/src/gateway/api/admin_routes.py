"""Routes for administrators: audit log and signing keys."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from bookcore.kit.openapi import describe_problems
from gateway.accounts.audit import AuditEvent, AuditFilter
from gateway.api.cache_routes import ThePurger
from gateway.api.dependencies import Admin, Deps, format_actor
from gateway.api.key_schemas import KID, AuditEntry, AuditPage, AuditVerdict, SigningKeyOut
from gateway.routing.cache_tags import ALL_USERS

router = APIRouter(prefix="/v1/admin", tags=["admin"])
Word = Annotated[str | None, Query(max_length=80)]


def _build_filter(action: Word = None, actor: Word = None, target: Word = None) -> AuditFilter:
    return AuditFilter(action, actor, target)


Wanted = Annotated[AuditFilter, Depends(_build_filter)]


@router.get("/audit", summary="Read the audit log")
async def list_audit(
    _: Admin,
    control: Deps,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """List the audit log, newest first. Entries can't be changed or deleted."""
    log = control.stores.audit
    found = await asyncio.to_thread(log.list_records, wanted, before=before, limit=limit + 1)
    page = found[:limit]
    next_before = page[-1].seq if len(found) > limit else None
    return AuditPage(entries=tuple(AuditEntry.from_record(entry) for entry in page), next_before=next_before)


@router.get("/audit/verify", summary="Check the audit log")
async def verify_audit(_: Admin, control: Deps) -> AuditVerdict:
    """Verify every hash of the log. Compare `head` with the one in the gateway's log, which is stored
    elsewhere."""
    return AuditVerdict.from_verification(await asyncio.to_thread(control.stores.audit.verify))


@router.post("/signing-keys", status_code=201, summary="Rotate the signing key")
async def rotate_signing_key(caller: Admin, control: Deps) -> SigningKeyOut:
    """Sign new tokens with a new key; old tokens stay valid until they expire."""
    kid = await asyncio.to_thread(control.keys.rotate)
    await asyncio.to_thread(
        control.stores.audit.append, AuditEvent(format_actor(caller), "signing-key.rotated", kid)
    )
    return SigningKeyOut(kid=kid)


@router.delete(
    "/signing-keys/{kid}",
    status_code=204,
    summary="Distrust a signing key",
    responses=describe_problems("not-found"),
)
async def distrust_signing_key(
    kid: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", examples=[KID])],
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
