"""What is known of a message never becomes less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_decision.domain.decisions import Outcome, may_follow

ANSWERS = {Outcome.ACCEPTED, Outcome.DECLINED}
P, U, D, R, A, N = (
    Outcome.PENDING,
    Outcome.UNDELIVERED,
    Outcome.DELIVERED,
    Outcome.READ,
    Outcome.ACCEPTED,
    Outcome.DECLINED,
)
FOLLOWERS = {
    P: {U, D, R, A, N},
    U: {D, R, A, N},
    D: {R, A, N},
    R: {A, N},
    A: {N},
    N: {A},
}


@pytest.mark.parametrize("earlier", list(Outcome))
def test_which_outcome_may_follow_which(earlier: Outcome):
    assert {later for later in Outcome if may_follow(later, earlier)} == FOLLOWERS[earlier]


@given(news=st.lists(st.sampled_from(Outcome)))
def test_an_answer_stays_an_answer_and_a_reading_is_never_undone(news: list[Outcome]):
    outcome, seen = P, {P}
    for each in news:
        outcome = each if may_follow(each, outcome) else outcome
        seen.add(outcome)
        assert outcome in ANSWERS or not seen & ANSWERS
        assert outcome not in (P, U, D) or R not in seen


@given(news=st.lists(st.sampled_from([U, D, R])), seed=st.randoms(use_true_random=False))
def test_news_of_a_message_come_to_the_same_in_every_order(news: list[Outcome], seed):
    def after(told: list[Outcome]) -> Outcome:
        outcome = P
        for each in told:
            outcome = each if may_follow(each, outcome) else outcome
        return outcome

    shuffled = list(news)
    seed.shuffle(shuffled)

    assert after(shuffled) == after(news)
