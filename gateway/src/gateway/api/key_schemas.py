"""Request and response models of the gateway's endpoints: API keys, plans, usage, audit."""

from typing import Annotated, Self

from pydantic import Field

from bookcore.kit.auth import Scope
from bookcore.kit.openapi import NextCursor, deprecate
from gateway.accounts.api_keys import ApiKey
from gateway.accounts.audit import AuditRecord, ChainVerification
from gateway.accounts.periods import DAY, MONTH
from gateway.accounts.quota import Quota
from gateway.accounts.usage import StoredUsage
from gateway.api.schemas import Moment, Scopes, UserId, WireModel, to_datetime
from gateway.ratelimit.plans import Plan

KeyId = Annotated[str, Field(examples=["0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f"])]
Count = Annotated[int, Field(ge=0, examples=[12])]
Hash = Annotated[str, Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])]


class KeyIn(WireModel):
    """An API key to create; `scopes` must be among your own, `days` null for no expiry."""

    name: Annotated[str, Field(min_length=1, max_length=80, examples=["reading list app"])]
    scopes: Annotated[
        tuple[Scope, ...], Field(min_length=1, max_length=6, examples=[["books:read", "search"]])
    ]
    days: Annotated[int, Field(ge=1, le=3_650, strict=True, examples=[90])] | None = 90


class KeyOut(WireModel):
    """An API key without its secret; `prefix`: first characters of the secret."""

    id: KeyId
    name: Annotated[str, Field(examples=["reading list app"])]
    prefix: Annotated[str, Field(examples=["bk_3mV8xQ"])]
    scopes: Scopes
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def from_key(cls, key: ApiKey) -> Self:
        """A key without its secret."""
        return cls(**_build_key_fields(key))


class NewKeyOut(KeyOut):
    """A new API key with its secret, which no later response has."""

    secret: Annotated[str, Field(examples=["bk_3mV8xQ…46 characters"])]

    @classmethod
    def from_secret(cls, key: ApiKey, secret: str) -> Self:
        """A new key with its secret."""
        return cls(**_build_key_fields(key), secret=secret)


class KeysOut(WireModel):
    """Your keys, oldest first; `most`: limit of your plan."""

    items: tuple[KeyOut, ...]
    next: NextCursor
    keys: Annotated[tuple[KeyOut, ...], deprecate("items")]
    most: Annotated[int, Field(examples=[3])]


class PlanOut(WireModel):
    """A plan and its limits."""

    name: Annotated[str, Field(examples=["plus"])]
    words: Annotated[str, Field(examples=["For an application with users of its own."])]
    requests_per_minute: Annotated[int, Field(examples=[3_000])]
    requests_per_day: Annotated[int, Field(examples=[180_000])]
    requests_per_month: Annotated[int, Field(examples=[3_600_000])]
    api_keys: Annotated[int, Field(examples=[20])]

    @classmethod
    def from_plan(cls, plan: Plan, quota: Quota) -> Self:
        longer = {each.name: each.requests for each in quota.beside}
        return cls(
            name=plan.name,
            words=plan.description,
            requests_per_minute=quota.requests,
            requests_per_day=longer[DAY],
            requests_per_month=longer[MONTH],
            api_keys=plan.max_keys,
        )


class PlansOut(WireModel):
    """All plans, smallest first."""

    items: tuple[PlanOut, ...]
    next: NextCursor
    plans: Annotated[tuple[PlanOut, ...], deprecate("items")]


class UsageCell(WireModel):
    """Requests of one hour with one key (null: a session); `refused` is 4xx, `failed` 5xx."""

    hour: Moment
    key_id: KeyId | None
    requests: Count
    refused: Count
    failed: Count

    @classmethod
    def from_usage(cls, counted: StoredUsage) -> Self:
        return cls(
            hour=to_datetime(counted.cell.hour),
            key_id=counted.cell.key_id or None,
            requests=counted.requests,
            refused=counted.refused,
            failed=counted.failed,
        )


class PeriodOut(WireModel):
    """Usage of the current day or month, in UTC: all requests but refused ones (4xx)."""

    used: Count
    limit: Annotated[int, Field(examples=[180_000])]
    resets_at: Moment


class UsageOut(WireModel):
    """Hours with requests, oldest first, a few seconds delayed, and the plan."""

    user_id: UserId
    plan: PlanOut
    day: PeriodOut
    month: PeriodOut
    cells: tuple[UsageCell, ...]


class AuditEntry(WireModel):
    """A change with actor and target; `hash` covers this entry and all before it."""

    seq: Annotated[int, Field(examples=[42])]
    at: Moment
    actor: UserId
    action: Annotated[str, Field(examples=["key.created"])]
    target: KeyId
    detail: Annotated[dict[str, str], Field(examples=[{"name": "reading list app"}])]
    hash: Hash

    @classmethod
    def from_record(cls, entry: AuditRecord) -> Self:
        deed = entry.deed
        return cls(
            seq=entry.seq,
            at=to_datetime(entry.at),
            actor=deed.actor,
            action=deed.action,
            target=deed.target,
            detail=dict(deed.detail),
            hash=entry.hash,
        )


class AuditPage(WireModel):
    """Entries, newest first."""

    items: tuple[AuditEntry, ...]
    next: NextCursor
    entries: Annotated[tuple[AuditEntry, ...], deprecate("items")]
    next_before: Annotated[int | None, deprecate("next")]


class AuditVerdict(WireModel):
    """Result of verifying the hash chain; `broken_at`: first entry with a wrong hash."""

    intact: Annotated[bool, Field(examples=[True])]
    entries: Count
    head: Hash
    broken_at: Annotated[int | None, Field(examples=[None])]

    @classmethod
    def from_verification(cls, verdict: ChainVerification) -> Self:
        return cls(
            intact=verdict.broken_at is None,
            entries=verdict.entries,
            head=verdict.head,
            broken_at=verdict.broken_at,
        )


KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
"""An example."""


class SigningKeyOut(WireModel):
    """The new signing key."""

    kid: Annotated[str, Field(examples=[KID])]


def _build_key_fields(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": tuple(Scope(scope) for scope in sorted(key.scopes)),
        "created_at": to_datetime(key.created_at),
        "expires_at": None if key.expires_at is None else to_datetime(key.expires_at),
        "last_used_at": to_datetime(key.last_used_at) if key.last_used_at else None,
    }
