"""To which subscription, bill cycle and plan does each record of a batch belong, and which records belong nowhere?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.subscribers import Subscriber, Subscription
from usage_correlation.domain.usage import MAX_QUANTITY, UsageBatch

NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Account:
    """One subscription's usage in one bill cycle: what counters and thresholds are kept of."""

    subscriber: Subscriber
    cycle: BillCycle


@dataclass(slots=True)
class Placement:
    """Where the records of a batch belong."""

    account_of: list[int]
    """By row: index into `accounts`; NOWHERE for a record that is refused."""
    accounts: list[Account] = field(default_factory=list)
    rows_by_plan: dict[str, list[int]] = field(default_factory=dict)
    """The rows rated under each plan: the one in force when the record began."""
    refusals: dict[int, Refusal] = field(default_factory=dict)
    """By row."""

    def refuse(self, row: int, refusal: Refusal) -> None:
        """Take a record out again."""
        self.account_of[row] = NOWHERE
        self.refusals[row] = refusal


class Placer:
    """Places records as of one moment."""

    def __init__(self, calendar: BillCalendar, now_micros: int, clock_difference: timedelta) -> None:
        """A record may begin at most `clock_difference` after `now_micros`."""
        self._calendar = calendar
        self._latest = now_micros + clock_difference // timedelta(microseconds=1)
        self._ahead_seconds = round(clock_difference.total_seconds())

    def place(self, batch: UsageBatch, subscribers: Mapping[str, Subscriber | Refusal]) -> Placement:
        """Place every record; `subscribers` by id, with a refusal for those whose usage can't be taken."""
        placement = Placement([NOWHERE] * len(batch))
        index: dict[tuple[int, int], int] = {}
        accounts, account_of = placement.accounts, placement.account_of
        cycle_at, rows_by_plan = self._calendar.cycle_at, placement.rows_by_plan
        rows = zip(batch.subscriptions, batch.starts, batch.quantities, strict=True)
        for row, (subscription_id, start, quantity) in enumerate(rows):
            subscriber = subscribers.get(subscription_id)
            verdict = self._verdict(subscription_id, subscriber, start, quantity)
            if isinstance(verdict, Refusal) or not isinstance(subscriber, Subscriber):
                placement.refusals[row] = verdict  # type: ignore[assignment]  # a plan comes with a Subscriber only
                continue
            subscription = subscriber.subscription
            cycle = cycle_at(start, subscription.bill_cycle_day, subscription.zone)
            place = (subscriber.key, cycle.start_micros)
            account = index.get(place)
            if account is None:
                account = index[place] = len(accounts)
                accounts.append(Account(subscriber, cycle))
            account_of[row] = account
            known = rows_by_plan.get(verdict)
            if known is None:
                known = rows_by_plan[verdict] = []
            known.append(row)
        return placement

    def _verdict(
        self, subscription_id: str, subscriber: Subscriber | Refusal | None, start: int, quantity: int
    ) -> str | Refusal:
        """The plan that the record is rated under, or why it is refused."""
        if start > self._latest:
            description = f"{_shown(start)} is more than {self._ahead_seconds} s ahead"
            return Refusal(Reason.RECORD_IN_FUTURE, "start_time", description)
        if quantity > MAX_QUANTITY:
            return Refusal(Reason.INVALID_RECORD, "quantity", f"{quantity}: must be at most {MAX_QUANTITY}")
        if subscriber is None:
            description = f"there is no subscriptions/{subscription_id}"
            return Refusal(Reason.SUBSCRIPTION_NOT_FOUND, "subscription", description)
        if isinstance(subscriber, Refusal):
            return subscriber
        subscription = subscriber.subscription
        latest = subscription.plan_periods[-1] if subscription.plan_periods else None
        is_latest = latest is not None and latest.end_micros is None and start >= latest.start_micros
        if latest is not None and is_latest and start >= subscription.activate_micros:
            return latest.plan  # as nearly always
        return _plan(subscription, start)


def _plan(subscription: Subscription, start: int) -> str | Refusal:
    if start < subscription.activate_micros:
        description = f"{_shown(start)} is before the activation at {_shown(subscription.activate_micros)}"
        return Refusal(Reason.RECORD_BEFORE_ACTIVATION, "start_time", description)
    plan = subscription.plan_at(start)
    if plan is None:
        return Refusal(Reason.NOT_RATEABLE, "start_time", f"no plan was in force at {_shown(start)}")
    return plan


def _shown(micros: int) -> str:
    return from_micros(micros).isoformat().replace("+00:00", "Z")
