"""Can a bill be checked at all, and if not, why?"""

from collections.abc import Mapping
from dataclasses import replace

from billing_accuracy.domain.bills import LARGEST, Bill
from billing_accuracy.domain.checking import Checked
from billing_accuracy.domain.entries import amount_on_bill
from billing_accuracy.domain.prices import beyond_check
from billing_accuracy.domain.usage import AccountFacts, BillCase, Subscription, segments_of
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.handlers.history import with_history
from billing_accuracy.handlers.ports import BillRun
from rating import Tariff


def case_of(bill: Bill, run: BillRun, subscription: Subscription | None, account: AccountFacts) -> BillCase:
    """The bill with the plans that it is checked against; raises BillProblem."""
    if bill.currency != run.currency:
        raise _invalid("total.currency_code", f"{bill.currency}: expected {run.currency}, as the bill run has it")
    if subscription is None:
        raise BillProblem(ProblemReason.SUBSCRIPTION_NOT_FOUND, "subscription", f"there is no {bill.subscription}")
    segments = segments_of(bill, subscription)
    if not segments:
        had = [period.start for period in subscription.plan_periods[:1]]
        since = f"; its first one began {had[0].isoformat()}" if had else "; it never had one"
        period = f"{bill.start.isoformat()} to {bill.end.isoformat()}"
        raise _invalid("billing_period", f"{period}: expected a time in which {bill.subscription} had a plan{since}")
    begun = subscription.plan_periods[0].start
    if account.quote is not None and not bill.start <= begun < bill.end:
        account = replace(account, quote=None)
    for entry in account.entries:
        if entry.currency not in {"", bill.currency}:
            told = f"{entry.currency} in the account entry {entry.source}/{entry.entry_id}"
            raise _invalid("total.currency_code", f"{bill.currency}: expected {told}")
    return BillCase(bill, subscription, segments, account)


def with_tariffs(case: BillCase, tariffs: Mapping[str, Tariff]) -> BillCase:
    """The same, when each of its plans has a tariff that tells what the bill should be; raises BillProblem."""
    bill = case.bill
    for segment in case.segments:
        tariff = tariffs.get(segment.plan)
        if tariff is None:
            raise _invalid("subscription", f"{bill.subscription} had {segment.plan}, which the catalogue doesn't know")
        if tariff.currency != bill.currency:
            raise _invalid(
                "total.currency_code", f"{bill.currency}: expected {tariff.currency}, that of {segment.plan}"
            )
        if tariff.version_at(segment.held.start) is None:
            first, start = tariff.versions[0].active_from.isoformat(), segment.held.start.isoformat()
            raise _invalid("billing_period", f"{start}: expected {first} or later, when {segment.plan} has prices")
        if beyond := beyond_check(tariff, segment.held, with_history=True, with_others=True):
            raise _invalid("subscription", f"{bill.subscription} had {segment.plan}; its bills depend on {beyond}")
    for entry in case.account.entries:
        plan = case.segments[case.segment_of(entry)].plan
        if amount_on_bill(entry, tariffs[plan]) is None:
            told = f"{plan} has no one-off charge {entry.charge_code!r}"
            expected = f"expected an amount in the account entry {entry.source}/{entry.entry_id}"
            raise _invalid("subscription", f"{bill.subscription}: {told}; {expected}")
    return with_history(case, tariffs)


def keepable(found: Checked) -> Checked:
    """The same, when its amounts can be kept; raises BillProblem."""
    if found.is_too_large:
        usage = "the stored usage and recurring charges come to a larger amount"
        raise _invalid("billing_period", f"{usage}; expected at most {LARGEST} {found.case.bill.currency}")
    return found


def _invalid(field: str, description: str) -> BillProblem:
    return BillProblem(ProblemReason.INVALID_BILL, field, description)
