"""The plans: what a user gets. Data; one that is taken out here is the free one for whoever still has it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.accounts import FREE_PLAN
from gateway.accounts.quota import Quota


@dataclass(frozen=True, slots=True)
class Plan:
    """`times` multiplies the quotas of the settings; `keys` is how many API keys a user may have."""

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
    """The plan, the free one for a name that is no longer there."""
    return PLANS.get(name, PLANS[FREE_PLAN])


def build_quota(name: str, base: Quota) -> Quota:
    """What a user of that plan may ask for, a minute, a day and a month."""
    times = get_plan(name).multiplier
    beside = tuple(replace(each, requests=each.requests * times) for each in base.beside)
    return replace(base, requests=base.requests * times, beside=beside)
