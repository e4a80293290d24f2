"""Which bills of a call are right, which are held, and which can't be checked?"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.runs.systematic import SystematicRule
from billing_accuracy.domain.usage import AccountFacts, BillCase
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.handlers.account_facts import account_facts
from billing_accuracy.handlers.demands import case_of, keepable, with_tariffs
from billing_accuracy.handlers.evidence import with_evidence
from billing_accuracy.handlers.groups import Groups
from billing_accuracy.handlers.peers import Catalogue, Profile, Usage
from billing_accuracy.handlers.ports import BillCheck, BillRun, Tally, View, Work
from billing_accuracy.handlers.read_usage import usage_of
from billing_accuracy.handlers.runs.keep_checks import CheckKeeper, rejected_bills
from billing_accuracy.handlers.runs.ports import StreamPlace
from billing_accuracy.handlers.uncharged import with_uncharged
from rating import Tariff

Outcome = BillCheck | BillProblem
Unread = tuple[str, BillProblem]
"""The name under which a bill came, and why it can't be checked."""
T = TypeVar("T")
R = TypeVar("R")


class Sessions(Protocol):
    """Where the use case reads and writes."""

    def reading(self) -> AbstractAsyncContextManager[View]:
        """One view of what is kept."""

    def working(self) -> AbstractAsyncContextManager[Work]:
        """One transaction."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Bills that were rated and compared, and not kept yet."""

    run: BillRun
    bills: Sequence[Bill]
    fresh: Mapping[str, Bill]
    """Those that weren't checked in the run before, by id; of several with one id the first."""
    known: Mapping[str, BillCheck]
    """Checks of the others."""
    problems: Mapping[str, BillProblem]
    """Why some of the fresh ones can't be checked."""
    results: Sequence[Checked]
    """Of the rest of them."""


@dataclass(frozen=True, slots=True)
class BillChecker:
    """Checks bills of a run; asks the other services before its transaction begins, so that none waits within it."""

    sessions: Sessions
    profile: Profile
    catalogue: Catalogue
    usage: Usage
    policy: VerdictPolicy
    tally: Tally
    rule: SystematicRule

    async def check(self, bill_run_id: str, bills: Sequence[Bill], unread: Sequence[Unread] = ()) -> list[Outcome]:
        """An outcome per bill, in their order; `unread` are those that are no bills. Raises BillRunNotFound."""
        return await self.keep(await self.prepare(bill_run_id, bills), unread)

    async def prepare(self, bill_run_id: str, bills: Sequence[Bill]) -> Prepared:
        """Ask, rate and compare. Raises BillRunNotFound."""
        async with self.sessions.reading() as kept:
            run = await kept.runs.get(bill_run_id)
            known = await kept.checks.get_many(bill_run_id, {bill.bill_id for bill in bills})
            fresh: dict[str, Bill] = {}
            for bill in bills:
                if bill.bill_id not in known:
                    fresh.setdefault(bill.bill_id, bill)
            accounts = await account_facts(kept, list(fresh.values())) if fresh else {}
        problems, results = await self._check_fresh(run, list(fresh.values()), accounts) if fresh else ({}, [])
        return Prepared(run, bills, fresh, known, problems, results)

    async def keep(
        self, prepared: Prepared, unread: Sequence[Unread] = (), place: StreamPlace | None = None
    ) -> list[Outcome]:
        """Make it part of the run, and answer each bill; with `place`, note in the same transaction how far that is."""
        run, known = prepared.run, prepared.known
        if not (prepared.fresh or unread or place):
            return _answers(prepared, known)
        new: Sequence[BillCheck] = ()
        async with self.sessions.working() as work:
            found: Mapping[str, Outcome] = {**known, **prepared.problems}
            if prepared.results:
                kept = await CheckKeeper(self.policy, self.rule).keep(work, run, prepared.results)
                found, new = {**found, **kept.checks}, kept.new
            answers = _answers(prepared, found)
            if rejected := rejected_bills([*unread, *_problems(prepared.bills, answers)], work.now):
                await work.reports.reject(run.bill_run_id, rejected)
            if place is not None:
                await work.reports.reach(run.bill_run_id, place, work.now)
        if new:
            self.tally.checked(new)
        return answers

    async def _check_fresh(
        self, run: BillRun, bills: Sequence[Bill], accounts: Mapping[str, AccountFacts]
    ) -> tuple[dict[str, BillProblem], list[Checked]]:
        """Of bills with different ids: why some can't be checked, and what the check of the others found."""
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
        groups = await Groups.of(self.profile, cases, tariffs)
        cases = _passed(problems, cases, _case_id, groups.joined)
        alike = {plan: tariff for plan, tariff in tariffs.items() if tariff.currency == run.currency}
        results = [found for group in _by_period(cases) for found in await self._rate(group, alike)]
        results = _passed(problems, results, lambda found: _case_id(found.case), keepable)
        return problems, results

    async def _rate(self, cases: Sequence[BillCase], tariffs: Mapping[str, Tariff]) -> list[Checked]:
        end = max(case.bill.end for case in cases)
        usage, cases = await asyncio.gather(usage_of(self.usage, cases, end), with_uncharged(self.usage, cases))
        # In a thread: other calls and probes are answered meanwhile, however large the bills.
        results = await asyncio.to_thread(check, cases, usage, tariffs, self.policy)
        return await with_evidence(results, usage, self.usage)


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
    """Bills of one period together, whatever their time zone: one with an odd period must not widen all others'.

    Those who share allowances stay together, and apart from all others, of whose records no ids are read.
    """
    periods: dict[tuple[bool, date, date], list[BillCase]] = defaultdict(list)
    households: dict[tuple[str, date, date], list[BillCase]] = defaultdict(list)
    for case in cases:
        if case.groups:
            households[case.subscription.customer, case.bill.start.date(), case.bill.end.date()].append(case)
        else:
            periods[False, case.reads_from.date(), case.bill.end.date()].append(case)
    for (*_, end), members in households.items():
        periods[True, min(case.reads_from for case in members).date(), end] += members
    return list(periods.values())


def _answers(prepared: Prepared, found: Mapping[str, Outcome]) -> list[Outcome]:
    return [_answer(bill, prepared.fresh.get(bill.bill_id), found[bill.bill_id]) for bill in prepared.bills]


def _problems(bills: Sequence[Bill], answers: Sequence[Outcome]) -> list[Unread]:
    pairs = zip(bills, answers, strict=True)
    return [(f"bills/{bill.bill_id}", answer) for bill, answer in pairs if isinstance(answer, BillProblem)]


def _answer(bill: Bill, fresh: Bill | None, outcome: Outcome) -> Outcome:
    """What was found, if it is of this very content: a bill is checked once in a run, and stands once in a call."""
    digest = outcome.digest if isinstance(outcome, BillCheck) else fresh and fresh.digest
    if digest == bill.digest:
        return outcome
    where = "in this run" if isinstance(outcome, BillCheck) else "in this call"
    return BillProblem(
        ProblemReason.BILL_CONFLICT, "name", f"bills/{bill.bill_id} was sent {where} before, with other content"
    )
