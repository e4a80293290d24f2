"""The demo's 5,000 bills, whose charges are real: is each line right, and is every seeded error found as what it is?"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from billing_samples import POLICY, replaced

from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import FindingClass, Verdict
from billing_accuracy.domain.usage import BillCase, PlanPeriod, Subscription, segments_of
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.server.bills import BillReader
from cxmesh.billing.v1 import bill_pb2
from cxmesh_cli.demo.bills import SeededError, bill_of, seed_errors
from cxmesh_cli.demo.calls import BillCycle, expand
from cxmesh_cli.demo.plans import PLANS
from cxmesh_cli.demo.provision import EFFECTIVE
from cxmesh_cli.demo.subscribers import Subscriber, read_subscribers
from mesh.rpc.validation import RequestRules
from rating import Service, Tariff, UsageColumns, load_tariff

Seeded = tuple[list[SeededError], list[Checked]]
CYCLE = BillCycle.open_on(date(2026, 3, 20))


@dataclass(frozen=True)
class Demo:
    people: list[Subscriber]
    usage: UsageTable
    tariffs: dict[str, Tariff]

    def bills(self) -> list[bill_pb2.Bill]:
        return [bill_of(one, CYCLE, "run") for one in self.people]

    def cases(self, messages: list[bill_pb2.Bill]) -> list[BillCase]:
        reader, found = BillReader(RequestRules()), []
        for person, message in zip(self.people, messages, strict=True):
            bill = reader.read(message)
            periods = (PlanPeriod(person.plan, EFFECTIVE, None),)
            subscription = Subscription(person.subscription, person.customer, periods)
            found.append(BillCase(bill, subscription, segments_of(bill, subscription)))
        return found

    def check(self, cases: list[BillCase]) -> list[Checked]:
        return check(cases, self.usage, self.tariffs, POLICY)


@pytest.fixture(scope="module")
def demo() -> Demo:
    people = read_subscribers()
    calls = expand(people, CYCLE)
    order = np.lexsort((calls.start_seconds, calls.subscriber))
    columns = UsageColumns.of(
        service=Service.VOICE,
        start=calls.start_seconds[order],
        quantity=calls.duration_seconds[order],
        destination=np.asarray(calls.destination)[order],
    )
    edges = np.searchsorted(calls.subscriber[order], np.arange(len(people) + 1)).tolist()
    ranges = {one.subscription: (edges[number], edges[number + 1]) for number, one in enumerate(people)}
    usage = UsageTable(columns, calls.start_seconds[order] * 1_000_000, ranges)
    return Demo(people, usage, {plan.name: load_tariff(plan.tariff_document()) for plan in PLANS})


@pytest.fixture(scope="module")
def seeded(demo: Demo) -> Seeded:
    bills = demo.bills()
    errors = seed_errors(bills, 1000)
    return errors, demo.check(demo.cases(bills))


def test_all_charges_of_the_file_are_right_but_for_56_ties_that_were_rounded_down(demo: Demo) -> None:
    checks = demo.check(demo.cases(demo.bills()))
    # 20,000 charges; those of nothing have no line.
    charges = [usage.calls for person in demo.people for usage in person.usage.values()]
    assert len(charges) == 20_000
    assert sum(len(one.case.bill.lines) for one in checks) == sum(1 for calls in charges if calls)
    assert sum(one.record_count for one in checks) == sum(charges)
    assert Counter(one.verdict for one in checks) == {Verdict.PASS: 4_944, Verdict.PASS_WITH_NOTE: 56}
    findings = [finding for one in checks for finding in one.findings]
    assert len(findings) == 56
    assert {(one.finding_class, one.charge_code, one.difference) for one in findings} == {
        (FindingClass.ROUNDING, "voice.night", Fraction("-0.01"))
    }


def test_all_seeded_errors_are_found_as_what_they_are_and_none_is_invented(seeded: Seeded) -> None:
    errors, checks = seeded
    found = sorted(
        (f"bills/{one.case.bill.bill_id}", finding.finding_class.value, finding.difference)
        for one in checks
        for finding in one.findings
        if finding.finding_class is not FindingClass.ROUNDING
    )
    names = bill_pb2.FindingClass.Name
    wanted = [
        (one.bill, names(one.finding_class).removeprefix("FINDING_CLASS_"), Fraction(one.difference)) for one in errors
    ]
    assert found == sorted(wanted)
    held = {f"bills/{one.case.bill.bill_id}" for one in checks if one.verdict is Verdict.HOLD}
    assert held == {one.bill for one in errors}


def test_every_held_bill_passes_once_it_is_corrected(demo: Demo, seeded: Seeded) -> None:
    held = [one for one in seeded[1] if one.verdict is Verdict.HOLD]
    corrected = [
        BillCase(replaced(one.case.bill, one.correction), one.case.subscription, one.case.segments) for one in held
    ]
    assert {one.verdict for one in demo.check(corrected)} == {Verdict.PASS}


def test_what_a_bill_is_found_to_be_does_not_depend_on_what_it_is_checked_with(demo: Demo) -> None:
    bills = demo.bills()[:200]
    seed_errors(bills, 40)
    few = Demo(demo.people[:200], demo.usage, demo.tariffs)
    cases = few.cases(bills)
    assert few.check(cases) == [few.check([case])[0] for case in cases]
