"""Which plan is named, and which is not."""

import pytest
from offer_samples import facts, usd

from offer_decision.domain.amounts import Amount
from offer_decision.domain.facts import PlanCosts, PlanLabel
from offer_decision.domain.plans import PlanState
from offer_decision.domain.recommend import recommend


def on_sale(**states: PlanState) -> dict[str, PlanLabel]:
    return {f"plans/{plan}": PlanLabel(plan.capitalize(), state) for plan, state in states.items()}


def costs(**amounts: str) -> PlanCosts:
    return PlanCosts("plans/mine", {f"plans/{plan}": usd(amount) for plan, amount in amounts.items()})


MINE = {"mine": PlanState.ACTIVE}


def test_the_cheapest_plan_is_named_with_what_it_would_have_saved():
    found, reason = recommend(None, facts())

    assert found is not None
    assert (found.current_plan, found.recommended_plan) == ("plans/standard", "plans/saver")
    assert (found.current_cost, found.recommended_cost, found.saving) == (usd("60.00"), usd("47.50"), usd("12.50"))
    assert reason.code == "plan.recommended"
    assert "for the usage so far" in reason.text


@pytest.mark.parametrize("state", [PlanState.DRAFT, PlanState.RETIRED])
def test_a_plan_that_is_not_on_sale_is_passed_over_for_the_next_cheapest(state: PlanState):
    plans = on_sale(mine=PlanState.ACTIVE, cheapest=state, second=PlanState.ACTIVE)
    found, _ = recommend(None, facts(plan_costs=costs(mine="30.00", cheapest="10.00", second="20.00"), plans=plans))

    assert found is not None
    assert found.recommended_plan == "plans/second"


def test_a_plan_that_the_catalogue_does_not_hold_is_passed_over():
    found, reason = recommend(None, facts(plan_costs=costs(mine="30.00", gone="10.00"), plans=on_sale(**MINE)))

    assert (found, reason.code) == (None, "plan.fits")


def test_who_holds_a_plan_that_is_no_longer_sold_may_be_told_of_another():
    plans = on_sale(mine=PlanState.RETIRED, other=PlanState.ACTIVE)
    found, _ = recommend(None, facts(plan_costs=costs(mine="30.00", other="10.00"), plans=plans))

    assert found is not None
    assert found.recommended_plan == "plans/other"


def test_plans_that_cost_the_same_are_chosen_by_name():
    plans = on_sale(mine=PlanState.ACTIVE, b=PlanState.ACTIVE, a=PlanState.ACTIVE)
    found, _ = recommend(None, facts(plan_costs=costs(mine="30.00", b="10.00", a="10.00"), plans=plans))

    assert found is not None
    assert found.recommended_plan == "plans/a"


def test_a_cheaper_plan_in_another_currency_is_not_compared():
    compared = PlanCosts("plans/mine", {"plans/mine": usd("30.00"), "plans/euro": Amount(1, "EUR")})
    plans = on_sale(mine=PlanState.ACTIVE, euro=PlanState.ACTIVE)
    found, reason = recommend(None, facts(plan_costs=compared, plans=plans))

    assert (found, reason.code) == (None, "plan.fits")


@pytest.mark.parametrize(
    ("min_saving", "code"),
    [
        (None, "plan.recommended"),
        (usd("0.00"), "plan.recommended"),
        (usd("12.50"), "plan.recommended"),
        (Amount(12_500_001, "USD"), "plan.fits"),
        (Amount(1, "EUR"), "plan.other_currency"),
    ],
)
def test_a_saving_counts_from_the_least_that_the_campaign_names(min_saving: Amount | None, code: str):
    found, reason = recommend(min_saving, facts())

    assert reason.code == code
    assert (found is not None) == (code == "plan.recommended")


@pytest.mark.parametrize(("currency", "least"), [("USD", 10_000), ("JPY", 1_000_000), ("KWD", 1_000), ("CLF", 100)])
def test_less_than_the_smallest_coin_is_no_saving(currency: str, least: int):
    plans = on_sale(mine=PlanState.ACTIVE, other=PlanState.ACTIVE)

    def code(saving: int) -> str:
        amounts = {"plans/mine": Amount(50_000_000, currency), "plans/other": Amount(50_000_000 - saving, currency)}
        return recommend(None, facts(plan_costs=PlanCosts("plans/mine", amounts), plans=plans))[1].code

    assert (code(least - 1), code(least)) == ("plan.fits", "plan.recommended")


@pytest.mark.parametrize("known", [{"open_faults": ("breaches/b",)}, {"held_bills": ("billChecks/r.b",)}])
def test_nothing_is_sold_in_trouble(known):
    found, reason = recommend(None, facts(**known))

    assert (found, reason.code) == (None, "plan.not_now")
    assert next(iter(known.values()))[0] in reason.text


@pytest.mark.parametrize(
    "known",
    [
        {"plan_costs": None},
        {"plan_costs": PlanCosts("plans/mine", {})},
        {"plan_costs": costs(mine="30.00", other="1.00"), "plans": on_sale(other=PlanState.ACTIVE)},
    ],
)
def test_nothing_is_named_where_the_plan_in_force_cannot_be_priced_or_named(known):
    found, reason = recommend(None, facts(**known))

    assert (found, reason.code) == (None, "plan.unknown")
