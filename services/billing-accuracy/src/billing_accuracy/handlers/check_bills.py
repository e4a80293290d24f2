"""Which bills of a call are right, which are held, and which can't be checked?"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import HoldState, Verdict
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.usage import AccountFacts, BillCase
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.handlers.account_facts import account_facts
from billing_accuracy.handlers.demands import case_of, keepable, with_tariffs
from billing_accuracy.handlers.ports import (
    BillCheck,
    BillRun,
    Catalogue,
    Profile,
    Tally,
    Usage,
    View,
    Work,
)
from rating import Tariff

Outcome = BillCheck | BillProblem
T = TypeVar("T")
R = TypeVar("R")


class Sessions(Protocol):
    """Where the use case reads and writes."""

    def reading(self) -> AbstractAsyncContextManager[View]:
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
    tally: Tally

    async def check(self, bill_run_id: str, bills: Sequence[Bill]) -> list[Outcome]:
        """An outcome per bill, in their order. Raises BillRunNotFound."""
        async with self.sessions.reading() as kept:
            run = await kept.runs.get(bill_run_id)
            known = await kept.checks.get_many(bill_run_id, {bill.bill_id for bill in bills})
            fresh: dict[str, Bill] = {}
            for bill in bills:
                if bill.bill_id not in known:
                    fresh.setdefault(bill.bill_id, bill)
            accounts = await account_facts(kept, list(fresh.values())) if fresh else {}
        found = {**known, **await self._check_fresh(run, list(fresh.values()), accounts)} if fresh else known
        return [_answer(bill, fresh.get(bill.bill_id), found[bill.bill_id]) for bill in bills]

    async def _check_fresh(
        self, run: BillRun, bills: Sequence[Bill], accounts: Mapping[str, AccountFacts]
    ) -> dict[str, Outcome]:
        """Outcomes by bill, of bills with different ids."""
        problems: dict[str, BillProblem] = {}
        held = await self.profile.subscriptions({bill.subscription for bill in bills})
        cases = _passed(
            problems,
            bills,
            _bill_id,
            lambda bill: case_of(bill, run, held.get(bill.subscription), accounts[bill.bill_id]),
        )
        plans = {period.plan for case in cases for period in case.subscription.plan_periods}
        tariffs = await self.catalogue.tariffs(plans) if plans else {}
        cases = _passed(problems, cases, _case_id, lambda case: with_tariffs(case, tariffs))
        alike = {plan: tariff for plan, tariff in tariffs.items() if tariff.currency == run.currency}
        results = [found for group in _by_period(cases) for found in await self._rate(group, alike)]
        results = _passed(problems, results, lambda found: _case_id(found.case), keepable)
        kept = await self._keep(run, results) if results else {}
        return {**problems, **kept}

    async def _rate(self, cases: Sequence[BillCase], tariffs: Mapping[str, Tariff]) -> list[Checked]:
        bills = [case.bill for case in cases]
        start, end = min(bill.start for bill in bills), max(bill.end for bill in bills)
        usage = await self.usage.between({bill.subscription for bill in bills}, start, end)
        # In a thread: other calls and probes are answered meanwhile, however large the bills.
        return await asyncio.to_thread(check, cases, usage, tariffs, self.policy)

    async def _keep(self, run: BillRun, results: Sequence[Checked]) -> dict[str, Outcome]:
        """Write the checks that are new and tell of those held; a check that came in between stays as it is."""
        async with self.sessions.working() as work:
            checks = {found.case.bill.bill_id: _check_of(run, found, work.now) for found in results}
            added = await work.checks.add(list(checks.values()))
            new = [check for bill_id, check in checks.items() if bill_id in added]
            for one in new:
                if one.hold_state is HoldState.HELD:
                    work.announce.bill_held(one)
            raced = checks.keys() - set(added)
            earlier = await work.checks.get_many(run.bill_run_id, raced) if raced else {}
        self.tally.checked(new)
        return {**checks, **earlier}


def _passed(
    problems: dict[str, BillProblem], items: Iterable[T], bill_id: Callable[[T], str], make: Callable[[T], R]
) -> list[R]:
    """What `make` makes of the items; where it raises BillProblem, that is noted under the id of the bill."""
    made = []
    for item in items:
        try:
            made.append(make(item))
        except BillProblem as problem:
            problems[bill_id(item)] = problem
    return made


def _bill_id(bill: Bill) -> str:
    return bill.bill_id


def _case_id(case: BillCase) -> str:
    return case.bill.bill_id


def _by_period(cases: Iterable[BillCase]) -> list[list[BillCase]]:
    """Bills of one period together, whatever their time zone: one with an odd period must not widen all others'."""
    groups: dict[tuple[date, date], list[BillCase]] = defaultdict(list)
    for case in cases:
        groups[case.bill.start.date(), case.bill.end.date()].append(case)
    return list(groups.values())


def _check_of(run: BillRun, found: Checked, now: datetime) -> BillCheck:
    bill = found.case.bill
    return BillCheck(
        bill_run_id=run.bill_run_id,
        bill_id=bill.bill_id,
        digest=bill.digest,
        subscription=bill.subscription,
        customer=found.case.subscription.customer,
        plan=found.case.plans[-1],
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
        amount_due=bill.totals.amount_due,
    )


def _answer(bill: Bill, fresh: Bill | None, outcome: Outcome) -> Outcome:
    """What was found, if it is of this very content: a bill is checked once in a run, and stands once in a call."""
    digest = outcome.digest if isinstance(outcome, BillCheck) else fresh and fresh.digest
    if digest == bill.digest:
        return outcome
    where = "in this run" if isinstance(outcome, BillCheck) else "in this call"
    return BillProblem(
        ProblemReason.BILL_CONFLICT, "name", f"bills/{bill.bill_id} was sent {where} before, with other content"
    )
