"""What is known of who is billed: plans held, account entries, history and household?"""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.entries import AccountEntry
from billing_accuracy.domain.quotes import Quote
from rating import Cycle


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan and when it was in force."""

    plan: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a bill check has to know of a subscription."""

    name: str
    customer: str
    plan_periods: tuple[PlanPeriod, ...]
    """Oldest first, without gaps."""
    bill_cycle_day: int = 1
    """Day of the month on which a bill cycle starts."""
    time_zone: str = "UTC"
    """The customer's."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is known of what was owed before a period, and paid in it."""

    before: Fraction
    """Negative for what the customer had in credit."""
    paid: Fraction
    said_by: str
    """Where this is known from, in words."""


@dataclass(frozen=True, slots=True)
class Uncharged:
    """What a record may not be charged, because a spending limit had stopped the service."""

    start_micros: int
    """When the record began."""
    plan: str
    charge_code: str
    amount: Fraction
    """As rated, exact."""
    record: str
    """`{source}/{record_id}`."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What an account adds to the bill of a period."""

    entries: tuple[AccountEntry, ...] = ()
    """In order of time; the kinds that stand on bills as lines."""
    balance: Balance | None = None
    """What was owed before; None when it isn't known."""
    quote: Quote | None = None
    """What was promised, of the subscription's first bill; None of later ones, and where nobody said."""
    uncharged: tuple[Uncharged, ...] = ()
    """What spending limits keep off the bill, in order of time."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bill's period under one plan."""

    plan: str
    cycle: Cycle
    """The whole period."""
    held: Cycle
    """The part of it in which the plan was in force."""


@dataclass(frozen=True, slots=True)
class History:
    """Earlier bill cycles in which a plan was held without a break: what is left of its allowances comes from them."""

    plan: str
    segments: tuple[Segment, ...]
    """Oldest first; the last one ends where the bill's period begins."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A plan that one subscription held without a break, by bill cycle."""

    subscription: str
    segments: tuple[Segment, ...]
    """Oldest first, of those cycles that count."""


@dataclass(frozen=True, slots=True)
class Group:
    """Who draws on a plan's shared allowances: a customer's subscriptions that hold it and have one bill cycle."""

    customer: str
    plan: str
    cycle: Cycle
    """The bill's."""
    holdings: tuple[Holding, ...]
    """Of this cycle; of those before, too, where what is left of them counts."""

    @property
    def has_past(self) -> bool:
        """Whether what is left of earlier cycles counts."""
        return any(segment.cycle != self.cycle for one in self.holdings for segment in one.segments)

    def of_cycle(self) -> "Group":
        """The same without its past."""
        now = (replace(one, segments=tuple(s for s in one.segments if s.cycle == self.cycle)) for one in self.holdings)
        return replace(self, holdings=tuple(one for one in now if one.segments))

    def alone(self, subscription: str) -> "Group":
        """One subscription, as if nobody shared anything with it."""
        return replace(self, holdings=tuple(one for one in self.holdings if one.subscription == subscription))


@dataclass(frozen=True, slots=True)
class BillCase:
    """A bill with what it is to be checked against."""

    bill: Bill
    subscription: Subscription
    segments: tuple[Segment, ...]
    """In order, at least one."""
    account: AccountFacts = AccountFacts()
    history: History | None = None
    """Of the plan in force when the period begins, where what was left before counts."""
    groups: tuple[Group, ...] = ()
    """Of those of its plans that share allowances."""

    @property
    def reads_from(self) -> datetime:
        """When the usage begins that tells what the bill should be."""
        pasts = [one.segments[0].held.start for group in self.groups for one in group.holdings]
        if self.history:
            pasts.append(self.history.segments[0].held.start)
        return min([self.bill.start, *pasts])

    @property
    def reads(self) -> frozenset[str]:
        """Whose usage tells what the bill should be."""
        return frozenset(
            {self.bill.subscription}.union(*({one.subscription for one in g.holdings} for g in self.groups))
        )

    @property
    def has_past(self) -> bool:
        """Whether what is left of earlier cycles counts."""
        return self.history is not None or any(group.has_past for group in self.groups)

    def group_under(self, plan: str) -> Group | None:
        """With whom the subscription shares allowances of a plan."""
        return next((group for group in self.groups if group.plan == plan), None)

    def segment_of(self, entry: AccountEntry) -> int:
        """Which segment's plan an entry belongs to: the one in force when it took effect, or next to that time."""
        begun = [number for number, segment in enumerate(self.segments) if segment.held.start <= entry.time]
        return begun[-1] if begun else 0

    @property
    def plans(self) -> tuple[str, ...]:
        """The plans that were in force, in order."""
        return tuple(segment.plan for segment in self.segments)


def segments_of(bill: Bill, subscription: Subscription) -> tuple[Segment, ...]:
    """The bill's period, cut where the plan changed; nothing before the subscription began or after it ended."""
    cycle = Cycle(bill.start, bill.end)
    segments = []
    for period in subscription.plan_periods:
        start = max(period.start, bill.start)
        end = bill.end if period.end is None else min(period.end, bill.end)
        if start < end:
            segments.append(Segment(period.plan, cycle, Cycle(start, end)))
    return tuple(segments)
