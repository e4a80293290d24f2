"""Which bills of a call are right, which are held, and which can't be checked?"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import HoldState, Verdict
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.usage import Segment, Subscription, segments_of
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.handlers.ports import BillCheck, BillChecks, BillRun, BillRuns, Catalogue, Profile, Usage, Work

Outcome = BillCheck | BillProblem


class Sessions(Protocol):
    """Where the use case reads and writes."""

    def reading(self) -> AbstractAsyncContextManager[tuple[BillRuns, BillChecks]]:
        """One view of what is kept."""

    def working(self) -> AbstractAsyncContextManager[Work]:
        """One transaction."""


@dataclass(frozen=True, slots=True)
class BillChecker:
    """Checks bills of a run; asks the other services before its transaction begins, so that none waits within it."""

    sessions: Sessions
    profile: Profile
    catalogue: Catalogue
    usage: Usage
    policy: VerdictPolicy

    async def check(self, bill_run_id: str, bills: Sequence[Bill]) -> list[Outcome]:
        """An outcome per bill, in their order. Raises BillRunNotFound."""
        async with self.sessions.reading() as (runs, checks):
            run = await runs.get(bill_run_id)
            known = await checks.get_many(bill_run_id, [bill.bill_id for bill in bills])
        outcomes: dict[int, Outcome] = {
            index: _again(bill, known[bill.bill_id]) for index, bill in enumerate(bills) if bill.bill_id in known
        }
        fresh = {index: bill for index, bill in enumerate(bills) if index not in outcomes}
        outcomes.update(_problems(fresh, run))
        ready = {index: bill for index, bill in fresh.items() if index not in outcomes}
        if ready:
            outcomes.update(await self._check_fresh(run, ready))
        return [outcomes[index] for index in range(len(bills))]

    async def _check_fresh(self, run: BillRun, bills: Mapping[int, Bill]) -> dict[int, Outcome]:
        subscriptions = await self.profile.subscriptions({bill.subscription for bill in bills.values()})
        outcomes: dict[int, Outcome] = {}
        checkable: list[tuple[int, Bill, Subscription]] = []
        segments: list[Segment] = []
        for index, bill in bills.items():
            subscription = subscriptions.get(bill.subscription)
            found = segments_of(bill, len(checkable), subscription) if subscription else []
            if subscription is None or not found:
                outcomes[index] = _not_held_then(bill, subscription)
            else:
                checkable.append((index, bill, subscription))
                segments += found
        if checkable:
            outcomes.update(await self._rate_and_keep(run, checkable, segments))
        return outcomes

    async def _rate_and_keep(
        self, run: BillRun, checkable: Sequence[tuple[int, Bill, Subscription]], segments: Sequence[Segment]
    ) -> dict[int, Outcome]:
        bills = [bill for _, bill, _ in checkable]
        tariffs = await self.catalogue.tariffs({segment.plan for segment in segments})
        alike = {plan: tariff for plan, tariff in tariffs.items() if tariff.currency == run.currency}
        outcomes: dict[int, Outcome] = {}
        for segment in segments:
            index, bill, _ = checkable[segment.bill]
            if segment.plan not in alike:
                outcomes[index] = _wrong_currency(bill, segment.plan, tariffs[segment.plan].currency)
        start, end = min(bill.start for bill in bills), max(bill.end for bill in bills)
        usage = await self.usage.between({bill.subscription for bill in bills}, start, end)
        rated = [segment for segment in segments if checkable[segment.bill][0] not in outcomes]
        chosen = sorted({segment.bill for segment in rated})
        places = {old: new for new, old in enumerate(chosen)}
        moved = [Segment(places[one.bill], one.plan, one.cycle, one.held) for one in rated]
        results = check([bills[old] for old in chosen], moved, usage, alike, self.policy)
        async with self.sessions.working() as work:
            kept = await _keep(
                work, run, [(*checkable[old][1:], result) for old, result in zip(chosen, results, strict=True)]
            )
        outcomes.update({checkable[old][0]: kept[bills[old].bill_id] for old in chosen})
        return outcomes


async def _keep(work: Work, run: BillRun, results: Sequence[tuple[Bill, Subscription, Checked]]) -> dict[str, Outcome]:
    """Write the checks that are new and tell of those held; a check that came in between stays as it is."""
    checks = {
        bill.bill_id: _check_of(run, bill, subscription, found, work.now) for bill, subscription, found in results
    }
    added = await work.checks.add(list(checks.values()))
    for bill_id in added:
        if checks[bill_id].hold_state is HoldState.HELD:
            work.announce.bill_held(checks[bill_id])
    raced = [bill_id for bill_id in checks if bill_id not in added]
    earlier = await work.checks.get_many(run.bill_run_id, raced) if raced else {}
    by_id = {bill.bill_id: bill for bill, _, _ in results}
    return {
        bill_id: _again(by_id[bill_id], earlier[bill_id]) if bill_id in earlier else found
        for bill_id, found in checks.items()
    }


def _check_of(run: BillRun, bill: Bill, subscription: Subscription, found: Checked, now: datetime) -> BillCheck:
    return BillCheck(
        bill_run_id=run.bill_run_id,
        bill_id=bill.bill_id,
        digest=bill.digest,
        subscription=bill.subscription,
        customer=subscription.customer,
        plan=found.plan,
        start=bill.start,
        end=bill.end,
        currency=bill.currency,
        billed_total=bill.total,
        expected_total=found.expected_total,
        verdict=found.verdict,
        hold_state=HoldState.HELD if found.verdict is Verdict.HOLD else HoldState.NOT_HELD,
        findings=found.findings,
        correction=found.correction,
        line_count=len(bill.lines),
        record_count=found.record_count,
        check_time=now,
    )


def _again(bill: Bill, known: BillCheck) -> Outcome:
    if known.digest == bill.digest:
        return known
    return BillProblem(
        ProblemReason.BILL_CONFLICT, "name", f"bills/{bill.bill_id} was checked in this run with other content"
    )


def _problems(bills: Mapping[int, Bill], run: BillRun) -> dict[int, Outcome]:
    """Bills that are not of this run, or that stand twice in the call."""
    found: dict[int, Outcome] = {}
    seen: set[str] = set()
    for index, bill in bills.items():
        if bill.bill_id in seen:
            found[index] = BillProblem(
                ProblemReason.BILL_CONFLICT, "name", f"bills/{bill.bill_id} stands in the call more than once"
            )
        elif bill.currency != run.currency:
            found[index] = BillProblem(
                ProblemReason.INVALID_BILL,
                "total.currency_code",
                f"{bill.currency}: expected {run.currency}, as the run",
            )
        seen.add(bill.bill_id)
    return found


def _not_held_then(bill: Bill, subscription: Subscription | None) -> BillProblem:
    if subscription is None:
        return BillProblem(ProblemReason.SUBSCRIPTION_NOT_FOUND, "subscription", f"there is no {bill.subscription}")
    began = subscription.plan_periods[0].start.isoformat() if subscription.plan_periods else "never"
    return BillProblem(
        ProblemReason.INVALID_BILL,
        "billing_period",
        f"until {bill.end.isoformat()}: expected a time in which {bill.subscription} had a plan; it began {began}",
    )


def _wrong_currency(bill: Bill, plan: str, currency: str) -> BillProblem:
    return BillProblem(
        ProblemReason.INVALID_BILL, "total.currency_code", f"{bill.currency}: expected {currency}, that of {plan}"
    )
