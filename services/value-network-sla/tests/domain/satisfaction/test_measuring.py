"""Are answers and touch-points joined with the sessions before them, and is it said when there is too little?"""

from datetime import timedelta

import pytest
from satisfaction_samples import START, drawn, partner, session

from apportioning.party import LINK, UNATTRIBUTED
from value_network_sla.domain.satisfaction.measuring import PartySatisfaction, Satisfaction, measure
from value_network_sla.domain.satisfaction.observed import (
    ORCHESTRATOR,
    Answer,
    Contact,
    Observations,
    ObservedSession,
    parts_of,
)
from value_network_sla.domain.satisfaction.scale import SurveyScale, score_of_answer

END = START + timedelta(days=28)


def measured(
    sessions: list[ObservedSession], answers: list[Answer] | None = None, contacts: list[Contact] | None = None
) -> Satisfaction:
    return measure("iptv", START, END, Observations(sessions, 3, answers or [], contacts or []), END)


def line(found: Satisfaction, name: str) -> PartySatisfaction:
    return next(each for each in found.parties if each.party == partner(name))


def answer(customer: str, given: int, *, after: timedelta, scale: SurveyScale = SurveyScale.NPS) -> Answer:
    return Answer(customer, scale, given, score_of_answer(scale, given), START + after, None)


def test_parties_stand_by_what_they_cost_and_those_with_too_few_sessions_last() -> None:
    sessions = drawn(400, {"a": 4.0, "b": 30.0}, {"a": 0.2, "b": 0.3}, seed=1)
    sessions.append(session(999, 10.0, "rare", there=("a", "b", "rare")))
    found = measured(sessions)
    assert [each.party.partner for each in found.parties] == ["partners/b", "partners/a", "", "partners/rare"]
    assert line(found, "rare").cost is None
    assert line(found, "rare").too_few == "1 sessions of 1 customers; at least 30 of 20 are needed"
    assert (found.sessions, found.unlinked, found.customers) == (401, 3, 60)


def test_a_partner_never_in_trouble_costs_exactly_nothing() -> None:
    found = line(measured(drawn(200, {"a": 10.0, "b": 0.0}, {"a": 0.3, "b": 0.0}, seed=2)), "b")
    assert found.cost is not None
    assert (found.cost.cost.value, found.cost.cost.low, found.cost.cost.high) == (0.0, 0.0, 0.0)
    assert found.cost.rest_cost.value > 0.0
    assert found.troubled == 0


def test_a_partner_seldom_or_nearly_always_in_trouble_has_no_cost() -> None:
    calm = drawn(200, {"a": 10.0}, {"a": 0.0}, seed=3)
    nine = [session(1_000 + number, 50.0, "a", customer=f"customers/{number}") for number in range(9)]
    assert line(measured([*calm, *nine]), "a").too_few == "9 sessions with its trouble; at least 10 are needed"
    stormy = drawn(200, {"a": 10.0}, {"a": 1.0}, seed=3)
    assert line(measured(stormy), "a").too_few == "0 sessions without its trouble; at least 10 are needed"


def test_nothing_measured_is_no_satisfaction() -> None:
    found = measured([])
    assert (found.sessions, found.experience, found.undisturbed, found.parties) == (0, None, None, ())


def test_answers_after_trouble_stand_beside_those_without_it() -> None:
    sessions, answers = [], []
    for number in range(120):
        customer = f"customers/{number}"
        in_trouble = number % 2 == 0
        sessions.append(session(number, 50.0, *(["a"] if in_trouble else []), customer=customer))
        answers.append(answer(customer, 2 if in_trouble else 9, after=timedelta(days=1)))
    found = line(measured(sessions, answers), "a")
    assert found.survey_troubled is not None
    assert found.survey_untroubled is not None
    assert (found.survey_troubled.value, found.survey_untroubled.value) == (20.0, 90.0)
    whole = measured(sessions, answers)
    assert whole.net_promoter_score is not None
    assert whole.net_promoter_score.value == 0.0  # sixty promoters, sixty detractors
    assert whole.survey_mean is not None
    assert whole.survey_mean.value == 55.0


def test_an_answer_is_about_the_week_before_it() -> None:
    sessions = [session(number, 50.0, "a", customer=f"customers/{number}") for number in range(40)]

    def survey_after(after: timedelta) -> float | None:
        answers = [answer(each.customer, 3, after=after) for each in sessions]
        found = line(measured(sessions, answers), "a").survey_troubled
        return None if found is None else found.value

    assert survey_after(timedelta(days=7)) == 30.0
    assert survey_after(timedelta(days=8)) is None
    assert survey_after(timedelta(minutes=-1)) is None


def test_an_answer_that_names_a_session_is_about_that_one_alone() -> None:
    calm = [session(number, 50.0, customer=f"customers/{number}") for number in range(40)]
    stormy = [session(100 + number, 50.0, "a", customer=f"customers/{number}") for number in range(40)]
    answers = [
        Answer(each.customer, SurveyScale.CSAT, 5, 100.0, START + timedelta(days=1), each.trace_id) for each in calm
    ]
    found = line(measured([*calm, *stormy], answers), "a")
    assert found.survey_troubled is None
    assert found.survey_untroubled is not None


def test_touch_points_that_follow_trouble_stand_beside_the_others() -> None:
    sessions, contacts = [], []
    for number in range(120):
        customer, in_trouble = f"customers/{number}", number % 2 == 0
        one = session(number, 50.0, *(["a"] if in_trouble else []), customer=customer)
        sessions.append(one)
        if number % 4 == 0:
            contacts.append(Contact(customer, one.start_time + timedelta(hours=72)))
        if number % 4 == 1:
            contacts.append(Contact(customer, one.start_time + timedelta(hours=72, seconds=1)))
            contacts.append(Contact(customer, one.start_time - timedelta(seconds=1)))
    found = line(measured(sessions, contacts=contacts), "a")
    assert found.contact_troubled is not None
    assert found.contact_untroubled is not None
    assert (found.contact_troubled.value, found.contact_untroubled.value) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("visits", "late", "failed", "partial", "is_late", "troubled"),
    [
        ([("", False), ("partners/a", False)], [], False, False, False, set()),
        ([("partners/a", True)], [], True, False, False, {partner("a")}),
        ([("partners/a", False)], [LINK], False, False, True, {LINK}),
        ([("partners/a", False)], [partner("a")], False, False, True, {partner("a")}),
        ([("", True), ("partners/a", False)], [], True, False, False, {ORCHESTRATOR}),
        ([("partners/a", True)], [UNATTRIBUTED], True, True, True, {UNATTRIBUTED}),
        ([("partners/a", True)], [], False, True, False, set()),
    ],
)
def test_trouble_is_whose_lateness_or_failure_it_is(visits, late, failed, partial, is_late, troubled) -> None:
    parts = parts_of(visits, late, session_failed=failed, partial=partial, is_late=is_late)
    assert parts.troubled == troubled
    assert partner("a") in parts.present
    assert ORCHESTRATOR in parts.present
