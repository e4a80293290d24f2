"""How do checks become part of their run: kept once, told, and added up to what the run is as a whole?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing_accuracy.domain.checking import Checked
from billing_accuracy.domain.findings import HoldState, Verdict
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.runs.exposure import FoundOn, Place, exposures
from billing_accuracy.domain.runs.overlaps import without_overlaps
from billing_accuracy.domain.runs.systematic import SystematicError, SystematicRule
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.ports import BillCheck, BillRun, Work
from billing_accuracy.handlers.runs.ports import Batch, RejectedBill


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of checks that were to be kept."""

    checks: Mapping[str, BillCheck]
    """Of each bill the check that stands, by id."""
    new: Sequence[BillCheck]
    """Those of them that were not there before."""


@dataclass(frozen=True, slots=True)
class CheckKeeper:
    """Keeps checks, in the unit of work that it is given. Those of a run are kept one call after another."""

    policy: VerdictPolicy
    rule: SystematicRule

    async def keep(self, work: Work, run: BillRun, results: Sequence[Checked]) -> Kept:
        """Write the checks that are new and tell of those held; a check that came in between stays as it is."""
        await work.reports.lock(run.bill_run_id)
        checks = await self._checks(work, run, results)
        added = await work.checks.add(list(checks.values()))
        new = [check for bill_id, check in checks.items() if bill_id in added]
        for one in new:
            if one.hold_state is HoldState.HELD:
                work.announce.bill_held(one)
        raced = checks.keys() - set(added)
        earlier = await work.checks.get_many(run.bill_run_id, raced) if raced else {}
        if new:
            await self._report(work, run, new)
        return Kept({**checks, **earlier}, new)

    async def _checks(self, work: Work, run: BillRun, results: Sequence[Checked]) -> dict[str, BillCheck]:
        bills = [found.case.bill for found in results]
        mine = {bill.bill_id for bill in bills}
        earlier = await work.reports.billed_times(run.bill_run_id, {bill.subscription for bill in bills}, mine)
        found = without_overlaps(results, earlier, self.policy)
        return {one.case.bill.bill_id: _check_of(run, one, work.now) for one in found}

    async def _report(self, work: Work, run: BillRun, new: Sequence[BillCheck]) -> None:
        found = exposures(FoundOn(one.bill_id, one.plan, one.region, one.findings) for one in new)
        await work.reports.add(run.bill_run_id, _batches(new), found, work.now)
        await work.reports.accept(run.bill_run_id, [f"bills/{one.bill_id}" for one in new])
        if found:
            await self._tell_systematic(work, run, found)

    async def _tell_systematic(self, work: Work, run: BillRun, found: Collection[Place]) -> None:
        affected = await work.reports.affected(run.bill_run_id, {place.cause for place in found})
        errors = [
            SystematicError(cause, one.checked, one.exposure, work.now)
            for cause, one in sorted(affected.items())
            if self.rule.is_systematic(one.exposure.bills, one.checked)
        ]
        if not errors:
            return
        told = set(await work.reports.add_systematic(run.bill_run_id, errors))
        for error in errors:
            if error.cause in told:
                work.announce.systematic_error_found(run, error)


def rejected_bills(problems: Iterable[tuple[str, BillProblem]], now: datetime) -> list[RejectedBill]:
    """What is noted of bills that can't be checked, by their names."""
    return [RejectedBill(name, problem.reason, problem.field, problem.description, now) for name, problem in problems]


def _batches(checks: Iterable[BillCheck]) -> dict[tuple[str, str], Batch]:
    found: dict[tuple[str, str], Batch] = {}
    for one in checks:
        known = found.get((one.plan, one.region), Batch(0, 0, 0))
        found[one.plan, one.region] = Batch(
            known.bills + 1, known.lines + one.line_count, known.records + one.record_count
        )
    return found


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
        region=found.case.subscription.time_zone,
    )
