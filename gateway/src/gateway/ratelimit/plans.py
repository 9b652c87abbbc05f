"""The plans: what a user gets. Data; one that is taken out here is the free one for whoever still has it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.accounts import FREE_PLAN
from gateway.accounts.quota import Quota


@dataclass(frozen=True, slots=True)
class Plan:
    """`times` multiplies the quotas of the settings; `keys` is how many API keys a user may have."""

    name: str
    times: int
    keys: int
    words: str


PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan(FREE_PLAN, times=1, keys=3, words="To try it, and for small projects."),
        Plan("plus", times=5, keys=20, words="For an application with users of its own."),
        Plan("partner", times=50, keys=200, words="For shops and libraries that read all day."),
    )
}


def plan_named(name: str) -> Plan:
    """The plan, the free one for a name that is no longer there."""
    return PLANS.get(name, PLANS[FREE_PLAN])


def quota_of(name: str, base: Quota) -> Quota:
    """What a user of that plan may ask for, a minute, a day and a month."""
    times = plan_named(name).times
    beside = tuple(replace(each, requests=each.requests * times) for each in base.beside)
    return replace(base, requests=base.requests * times, beside=beside)
