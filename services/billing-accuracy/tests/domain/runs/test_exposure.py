"""Are exposures added up by what they have in common, each bill once, too much and too little apart?"""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing_accuracy.domain.findings import Finding, FindingClass
from billing_accuracy.domain.runs.exposure import MOST_EXAMPLES, BillingCause, FoundOn, Place, by, exposures
from billing_accuracy.domain.runs.systematic import SystematicRule

OVER = FindingClass.OVERCHARGE


def finding(amount: str, code: str = "voice.day", cause: str = "", **fields: object) -> Finding:
    return Finding(OVER, (), code, Fraction(amount), Fraction(), "", cause=cause, **fields)  # type: ignore[arg-type]  # as given


def on(bill: str, *findings: Finding, plan: str = "plans/a", region: str = "Europe/Vienna") -> FoundOn:
    return FoundOn(bill, plan, region, findings)


def test_a_bill_counts_once_for_a_cause_however_many_findings_it_has() -> None:
    found = exposures([on("b-1", finding("1"), finding("2")), on("b-2", finding("-4"))])
    [(place, exposure)] = found.items()
    assert place == Place(BillingCause(OVER, "voice.day", "", "plans/a"), "Europe/Vienna")
    assert (exposure.bills, exposure.findings) == (2, 3)
    assert (exposure.overcharge, exposure.leakage) == (3, 4)
    assert exposure.examples == ("b-1", "b-2")


def test_other_causes_plans_and_regions_are_other_places() -> None:
    found = exposures(
        [
            on("b-1", finding("1"), finding("1", code="voice.night"), finding("1", cause="x")),
            on("b-2", finding("1"), plan="plans/b"),
            on("b-3", finding("1"), region="America/New_York"),
        ]
    )
    assert len(found) == 5
    assert {plan: one.findings for plan, one in by(found, lambda place: place.cause.plan).items()} == {
        "plans/a": 4,
        "plans/b": 1,
    }


def test_an_amount_that_is_only_stated_is_no_money() -> None:
    [exposure] = exposures([on("b-1", finding("5", in_total=False))]).values()
    assert (exposure.findings, exposure.overcharge, exposure.leakage) == (1, 0, 0)


@given(st.lists(st.lists(st.integers(-500, 500), max_size=4), max_size=30))
def test_all_that_is_found_adds_up_whatever_it_is_looked_at_by(amounts: list[list[int]]) -> None:
    bills = [
        on(f"b-{number}", *(finding(str(amount), code=f"c-{amount % 3}") for amount in of_bill), region=str(number % 2))
        for number, of_bill in enumerate(amounts)
    ]
    found = exposures(bills)
    for key in (lambda place: place.region, lambda place: place.cause, lambda _: ""):
        summed = by(found, key).values()
        assert sum(one.overcharge - one.leakage for one in summed) == sum(sum(of_bill) for of_bill in amounts)
        assert sum(one.findings for one in summed) == sum(map(len, amounts))
        assert all(len(one.examples) <= MOST_EXAMPLES for one in summed)


def test_an_error_is_systematic_from_the_least_number_of_bills_on_when_its_share_is_reached() -> None:
    rule = SystematicRule(least_bills=100, share=Fraction(5, 100))
    assert not rule.is_systematic(99, 99)
    assert rule.is_systematic(5, 100)
    assert not rule.is_systematic(4, 100)
    assert not rule.is_systematic(49, 1000)
    assert rule.is_systematic(50, 1000)
