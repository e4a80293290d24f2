"""Is every error of every class found, told once, named rightly, and put right by the proposed correction?"""

from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.correcting import corrected_bill
from billing_accuracy.domain.findings import FindingClass, Verdict
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import BillCase
from tests.bench.bench_billing import POLICY, quality
from tests.bench.billing_errors import CLASSES, Seeded, Seeder
from tests.bench.billing_world import TARIFFS, World

COUNT, SUBSCRIBERS = 138, 190
"""Six of each class."""
EITHER = {FindingClass.OVERCHARGE, FindingClass.UNDERCHARGE}
"""What is wrong by a random amount is by chance what another mistake would give, now and then."""


@dataclass(frozen=True)
class Found:
    world: World
    seeded: list[Seeded]
    checks: list[Checked]


@pytest.fixture(scope="module")
def found() -> Found:
    world = World(SUBSCRIBERS, seed=11)
    seeded = Seeder(world, seed=12).seeded(COUNT)
    return Found(world, seeded, check([one.case for one in seeded], world.usage, TARIFFS, POLICY))


def test_right_bills_pass() -> None:
    world = World(SUBSCRIBERS, seed=13)
    cases = [who.case(world.right(who).bill(number)) for number, who in enumerate(world.subscribers)]
    assert {one.verdict for one in check(cases, world.usage, TARIFFS, POLICY)} == {Verdict.PASS}


def test_errors_of_every_class_are_found_told_once_and_named_rightly(found: Found) -> None:
    assert {one.finding_class for one in found.seeded} == set(CLASSES)
    told = [[finding.finding_class for finding in one.findings] for one in found.checks]
    assert [len(classes) for classes in told] == [1] * COUNT
    pairs = zip(found.seeded, told, strict=True)
    wrong = [(one.finding_class, classes) for one, classes in pairs if classes != [one.finding_class]]
    assert {kind for kind, _ in wrong} <= EITHER
    assert len(wrong) <= COUNT // 20


def test_their_differences_are_those_of_the_bills(found: Found) -> None:
    for one in found.checks:
        told = sum((finding.difference for finding in one.findings if finding.in_total), Fraction())
        assert told == one.case.bill.total - one.expected_total


def test_the_correction_makes_each_bill_pass(found: Found) -> None:
    expected = Rerating([one.case for one in found.checks], found.world.usage, TARIFFS)

    def corrected(number: int, one: Checked) -> BillCase:
        followers = expected.expected(number).followers
        return replace(one.case, bill=corrected_bill(one.case.bill, one.correction, followers))

    cases = [corrected(number, one) for number, one in enumerate(found.checks)]
    again = check(cases, found.world.usage, TARIFFS, POLICY)
    assert [one.findings for one in again] == [()] * COUNT


def test_the_benchmark_publishes_what_it_is_held_to(capsys: pytest.CaptureFixture[str]) -> None:
    figures = quality(46, 90)
    assert figures["billing.recall"].value == figures["billing.precision"].value == 1
    assert figures["billing.cause_accuracy"].value >= 0.95
    assert "named rightly" in capsys.readouterr().out
