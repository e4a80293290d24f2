"""Does each party cost what it does cost, and how often does the interval hold it?"""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from satisfaction_samples import drawn, partner, session

from value_network_sla.domain.satisfaction import attribution
from value_network_sla.domain.satisfaction.attribution import Attribution
from value_network_sla.domain.satisfaction.columns import columns_of
from value_network_sla.domain.satisfaction.observed import ObservedSession

HARMS = {"a": 20.0, "b": 5.0, "c": 0.0}
CHANCES = {"a": 0.1, "b": 0.5, "c": 0.3}


def attribute(sessions: list[ObservedSession]) -> Attribution | None:
    return attribution.attribute(columns_of(sessions))


def costs(found: Attribution | None) -> dict[str, float]:
    assert found is not None
    return {cost.party.partner.removeprefix("partners/"): cost.cost.value for cost in found.costs}


def test_the_harm_of_each_partner_is_found_in_a_large_sample() -> None:
    found = attribute(drawn(20_000, HARMS, CHANCES, seed=1))
    assert found is not None
    assert found.undisturbed.value == pytest.approx(80.0, abs=2.0)
    assert [round(cost.harm.value) for cost in found.costs] == [20, 5, 0]
    assert costs(found) == pytest.approx({"a": 2.0, "b": 2.5, "c": 0.0}, abs=0.2)


def test_the_costs_sum_to_what_the_mean_lacks() -> None:
    found = attribute(drawn(500, HARMS, CHANCES, seed=2))
    assert found is not None
    assert sum(costs(found).values()) == pytest.approx(found.undisturbed.value - found.experience.value, abs=1e-9)
    for cost in found.costs:
        assert cost.cost.value + cost.rest_cost.value == pytest.approx(found.lost.value, abs=1e-9)


def test_who_is_merely_there_when_another_fails_is_not_charged() -> None:
    """C is in trouble nearly always when A is, and does no harm: its sessions look bad, but it costs nothing."""
    generator = Random(3)
    sessions = []
    for number in range(4_000):
        a = generator.random() < 0.3
        c = a if generator.random() < 0.9 else not a
        score = 80.0 - 25.0 * a + generator.gauss(0.0, 5.0)
        sessions.append(session(number, score, *(["a"] if a else []), *(["c"] if c else [])))
    found = attribute(sessions)
    assert found is not None
    by_name = {cost.party.partner: cost for cost in found.costs}
    assert by_name["partners/a"].harm.value == pytest.approx(25.0, abs=1.5)
    assert by_name["partners/c"].harm.low < 0.0 < by_name["partners/c"].harm.high
    assert by_name["partners/a"].most_costly_share == 1.0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """95 % of 60 samples are 57; customers with moods make intervals from single sessions too narrow."""
    held = {"a": 0, "b": 0}
    for seed in range(60):
        found = attribute(drawn(300, {"a": 15.0, "b": 4.0}, {"a": 0.2, "b": 0.4}, seed=seed, customers=40))
        assert found is not None
        for cost in found.costs:
            truth = {"a": 15.0, "b": 4.0}[cost.party.partner[-1]]
            held[cost.party.partner[-1]] += cost.harm.low <= truth <= cost.harm.high
    assert min(held.values()) >= 51


def test_partners_always_in_trouble_together_share_the_harm_and_are_marked() -> None:
    generator = Random(4)
    sessions = []
    for number in range(400):
        both, alone = generator.random() < 0.3, generator.random() < 0.2
        troubled = (["a", "b"] if both else []) + (["c"] if alone else [])
        sessions.append(session(number, 80.0 - 20.0 * both - 6.0 * alone, *troubled))
    found = attribute(sessions)
    assert found is not None
    assert [round(cost.harm.value, 6) for cost in found.costs] == [10.0, 10.0, 6.0]
    assert [cost.confounded for cost in found.costs] == [True, True, False]


def test_a_partner_in_trouble_in_every_session_is_not_told_from_what_is_normal() -> None:
    found = attribute([session(number, 50.0 + number % 7, "a") for number in range(60)])
    assert found is not None
    assert found.costs[0].harm.value == pytest.approx(0.0, abs=1e-9)
    assert found.costs[0].confounded


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session(number, 70.0, customer=f"customers/{number}") for number in range(29)],
        [session(number, 70.0, customer=f"customers/{number % 19}") for number in range(100)],
    ],
)
def test_too_few_sessions_or_customers_say_nothing(sessions: list[ObservedSession]) -> None:
    assert attribute(sessions) is None


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_of_arrival_changes_nothing(seed: int) -> None:
    sessions = drawn(120, HARMS, CHANCES, seed=seed, customers=25)
    shuffled = Random(seed).sample(sessions, len(sessions))
    assert attribute(sessions) == attribute(shuffled)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), by=st.floats(-20.0, 20.0))
def test_a_score_that_is_lower_everywhere_changes_no_cost(seed: int, by: float) -> None:
    sessions = drawn(120, HARMS, CHANCES, seed=seed, customers=25)
    moved = [replace(one, score=one.score + by) for one in sessions]
    assert costs(attribute(moved)) == pytest.approx(costs(attribute(sessions)), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_partners_that_change_places_change_costs(seed: int) -> None:
    sessions = drawn(150, {"a": 12.0, "b": 3.0}, {"a": 0.3, "b": 0.3}, seed=seed, customers=25)
    swap = {partner("a"): partner("b"), partner("b"): partner("a")}
    swapped = [
        replace(one, parts=replace(one.parts, troubled=frozenset(swap[each] for each in one.parts.troubled)))
        for one in sessions
    ]
    before, after = costs(attribute(sessions)), costs(attribute(swapped))
    assert (after["a"], after["b"]) == pytest.approx((before["b"], before["a"]), abs=1e-9)
