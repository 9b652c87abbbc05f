"""The plans. A plan that is removed here becomes the free one for its users."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.accounts import FREE_PLAN
from gateway.accounts.quota import Quota


@dataclass(frozen=True, slots=True)
class Plan:
    """`multiplier` applies to the quotas of the settings; `max_keys` bounds a user's API keys."""

    name: str
    multiplier: int
    max_keys: int
    description: str


PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan(FREE_PLAN, multiplier=1, max_keys=3, description="To try it, and for small projects."),
        Plan("plus", multiplier=5, max_keys=20, description="For an application with users of its own."),
        Plan(
            "partner", multiplier=50, max_keys=200, description="For shops and libraries that read all day."
        ),
    )
}


def get_plan(name: str) -> Plan:
    """The plan; the free one for an unknown name."""
    return PLANS.get(name, PLANS[FREE_PLAN])


def build_quota(name: str, base: Quota) -> Quota:
    """The quota of that plan by minute, with those by day and month beside it."""
    times = get_plan(name).multiplier
    beside = tuple(
        replace(period_quota, requests=period_quota.requests * times) for period_quota in base.beside
    )
    return replace(base, requests=base.requests * times, beside=beside)
