"""With whom does a bill's subscription share allowances?

As usage-correlation has it: a group are all subscriptions of one customer that hold the plan and have the same bill
cycle.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing_accuracy.domain.prices import rolls_over, shared_allowances, use_of_others
from billing_accuracy.domain.usage import BillCase, Group, Holding, Segment, Subscription
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.handlers.history import cycles_before, required_cycle
from billing_accuracy.handlers.peers import Profile
from rating import Cycle, Tariff, bill_cycle

MOST_MEMBERS: Final = 10_000
"""Subscriptions of a customer whose usage is read for one bill: as many as one call of ExportUsage takes."""
_LAST_DAY: Final = 31
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one call's bills, each made once."""

    tariffs: Mapping[str, Tariff]
    households: Mapping[str, Sequence[Subscription]]
    """By customer, of those who share something and of whom the profile tells."""
    _made: dict[tuple[str, str, Cycle], Group] = field(default_factory=dict)

    @classmethod
    async def of(cls, profile: Profile, cases: Iterable[BillCase], tariffs: Mapping[str, Tariff]) -> "Groups":
        """What must be known of those with whom these bills' subscriptions share allowances."""
        own = {case.bill.subscription: case.subscription for case in cases if _shared_plans(case, tariffs)}
        sharing = {one.customer for one in own.values()}
        told = await profile.households(sharing, MOST_MEMBERS) if sharing else {}
        # Asked a moment later: those with a bill stay as they are checked.
        return cls(tariffs, {customer: [own.get(one.name, one) for one in held] for customer, held in told.items()})

    def joined(self, case: BillCase) -> BillCase:
        """The bill with its groups; raises BillProblem where others' usage can't be known."""
        plans = _shared_plans(case, self.tariffs)
        if not plans:
            return case
        members = self.households.get(case.subscription.customer, ())
        if all(one.name != case.bill.subscription for one in members):
            shared = use_of_others(min(shared_allowances(self.tariffs[plans[0]])))
            text = f"{case.bill.subscription} had {plans[0]}; its bills depend on {shared}"
            raise BillProblem(ProblemReason.INVALID_BILL, "subscription", text)
        cycle = required_cycle(case, "as allowances are shared")
        return replace(case, groups=tuple(self._group(case, plan, cycle, members) for plan in plans))

    def _group(self, case: BillCase, plan: str, cycle: Cycle, members: Sequence[Subscription]) -> Group:
        key = (case.subscription.customer, plan, cycle)
        if key not in self._made:
            alike = sorted((one for one in members if _has_cycle(one, cycle)), key=lambda one: one.name)
            cycles = [*_past(case, plan, cycle, alike, self.tariffs[plan]), cycle]
            holdings = [_holding(one.name, plan, held, cycles) for one in alike for held in _held(one, plan)]
            self._made[key] = Group(*key[:2], cycle, tuple(one for one in holdings if one.segments))
        return self._made[key]


def _shared_plans(case: BillCase, tariffs: Mapping[str, Tariff]) -> list[str]:
    return [plan for plan in dict.fromkeys(case.plans) if shared_allowances(tariffs[plan])]


def _has_cycle(member: Subscription, cycle: Cycle) -> bool:
    """Whether a member has this bill cycle; no usage is placed on one whose day or time zone isn't known."""
    try:
        zone = ZoneInfo(member.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return 1 <= member.bill_cycle_day <= _LAST_DAY and bill_cycle(cycle.start, member.bill_cycle_day, zone) == cycle


def _held(member: Subscription, plan: str) -> list[Cycle]:
    """When a member held a plan; a period that goes on lasts until further notice."""
    periods = (one for one in member.plan_periods if one.plan == plan)
    return [Cycle(one.start, one.end or _FOR_EVER) for one in periods if one.end is None or one.end > one.start]


def _past(case: BillCase, plan: str, cycle: Cycle, members: Sequence[Subscription], tariff: Tariff) -> Sequence[Cycle]:
    """The cycles since anybody of a group held the plan, where unused parts of allowances are kept."""
    if not rolls_over(tariff):
        return ()
    since = max(min(held.start for one in members for held in _held(one, plan)), tariff.versions[0].active_from)
    return cycles_before(case.subscription, cycle, since, plan)


def _holding(subscription: str, plan: str, held: Cycle, cycles: Sequence[Cycle]) -> Holding:
    parts = ((cycle, max(cycle.start, held.start), min(cycle.end, held.end)) for cycle in cycles)
    segments = [Segment(plan, cycle, Cycle(start, end)) for cycle, start, end in parts if start < end]
    return Holding(subscription, tuple(segments))
