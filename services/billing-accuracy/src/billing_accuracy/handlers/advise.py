"""What should a bill be, or be so far, and why does it differ from the one before?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.explaining.parts import Part, explain
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import BillCase, Subscription, segments_of
from billing_accuracy.errors import BillProblem, NoBillBefore, NotCheckable, ProblemReason, SubscriptionNotFound
from billing_accuracy.handlers.account_facts import account_facts
from billing_accuracy.handlers.check_bills import Sessions
from billing_accuracy.handlers.demands import with_tariffs
from billing_accuracy.handlers.groups import Groups
from billing_accuracy.handlers.peers import Catalogue, Profile, Usage
from billing_accuracy.handlers.ports import BillCheck
from billing_accuracy.handlers.read_usage import usage_of
from billing_accuracy.handlers.uncharged import with_uncharged
from rating import Tariff, bill_cycle


@dataclass(frozen=True, slots=True)
class BillSoFar:
    """What a bill should be, as of a moment."""

    case: BillCase
    expected: ExpectedBill
    as_of: datetime
    record_count: int


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a bill differs from the one before."""

    check: BillCheck
    before: BillCheck
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class BillAdviser:
    """Asks whoever knows, and the engine that checks bills."""

    sessions: Sessions
    profile: Profile
    catalogue: Catalogue
    usage: Usage

    async def expected(self, name: str, moment: datetime, now: datetime) -> BillSoFar:
        """The bill of the cycle around a moment, with what happened until now.

        Raises SubscriptionNotFound, NotCheckable.
        """
        held = await self._subscription(name)
        cycle = bill_cycle(moment, held.bill_cycle_day, ZoneInfo(held.time_zone))
        empty = Bill("", name, cycle.start, cycle.end, "", (), Fraction(), b"")
        case, tariffs = await self._case(empty, held)
        [case] = await with_uncharged(self.usage, [case])
        as_of = max(cycle.start, min(cycle.end, now))
        table = await usage_of(self.usage, [case], max(as_of, cycle.start))
        rerating = await asyncio.to_thread(Rerating, [case], table, tariffs)
        return BillSoFar(case, rerating.expected(0), as_of, rerating.record_count(0))

    async def as_checked(self, check: BillCheck) -> ExpectedBill:
        """What the bill of a check should be, as of now. Raises SubscriptionNotFound, NotCheckable."""
        case, tariffs = await self._case(_bill(check), await self._subscription(check.subscription))
        [case] = await with_uncharged(self.usage, [case])
        table = await usage_of(self.usage, [case], check.end)
        return (await asyncio.to_thread(Rerating, [case], table, tariffs)).expected(0)

    async def explain(self, bill_check_id: str) -> Explained:
        """Why the bill of a check differs from that of the period before.

        Raises BillCheckNotFound, NoBillBefore, SubscriptionNotFound, NotCheckable.
        """
        async with self.sessions.reading() as kept:
            check = await kept.checks.get(bill_check_id)
            before = await kept.checks.before(check)
        if before is None or before.currency != check.currency:
            raise NoBillBefore(bill_check_id)
        held = await self._subscription(check.subscription)
        first, tariffs = await self._case(_bill(before), held)
        second, more = await self._case(_bill(check), held)
        first, second = await with_uncharged(self.usage, [first, second])
        table = await usage_of(self.usage, [first, second], check.end)
        parts = await asyncio.to_thread(explain, first, second, table, {**tariffs, **more})
        return Explained(check, before, parts)

    async def _subscription(self, name: str) -> Subscription:
        held = (await self.profile.subscriptions([name])).get(name)
        if held is None:
            raise SubscriptionNotFound(name)
        return held

    async def _case(self, bill: Bill, held: Subscription) -> tuple[BillCase, Mapping[str, Tariff]]:
        """The bill with what it is made from; its currency is the plan's where it has none."""
        async with self.sessions.reading() as kept:
            account = (await account_facts(kept, [bill]))[bill.bill_id]
        segments = segments_of(bill, held)
        try:
            if not segments:
                period = f"{bill.start.isoformat()} to {bill.end.isoformat()}"
                raise _without_plan(period)
            tariffs = await self.catalogue.tariffs({segment.plan for segment in segments})
            known = tariffs.get(segments[-1].plan)
            currency = bill.currency or (known.currency if known else "")
            case = with_tariffs(BillCase(replace(bill, currency=currency), held, segments, account), tariffs)
            return (await Groups.of(self.profile, [case], tariffs)).joined(case), tariffs
        except BillProblem as problem:
            raise NotCheckable(held.name, problem) from problem


def _bill(check: BillCheck) -> Bill:
    """What is kept of a bill: period and total."""
    return Bill(
        check.bill_id, check.subscription, check.start, check.end, check.currency, (), check.billed_total, check.digest
    )


def _without_plan(period: str) -> BillProblem:
    expected = "expected a time in which the subscription had a plan"
    return BillProblem(ProblemReason.INVALID_BILL, "billing_period", f"{period}: {expected}")
