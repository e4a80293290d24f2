"""What holds for every decision, whatever the campaigns and the facts are."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from offer_samples import NOW, campaign, occasion, trigger

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import Campaign, CampaignState, Purpose, TriggerKind
from offer_decision.domain.decisions import Verdict
from offer_decision.domain.facts import Customer, Facts, PlanCosts, PlanLabel
from offer_decision.domain.plans import PlanState
from offer_decision.domain.weigh import contenders, decide

PLANS = ("plans/a", "plans/b", "plans/c")
AMOUNTS = st.builds(Amount, st.integers(0, 50_000), st.sampled_from(["USD", "EUR", "JPY"]))


@st.composite
def drawn_campaigns(draw: st.DrawFn) -> list[Campaign]:
    ids = draw(st.lists(st.sampled_from("abcdef"), unique=True))
    return [
        campaign(
            one,
            state=draw(st.sampled_from(CampaignState)),
            trigger=draw(st.sampled_from(TriggerKind)),
            purpose=draw(st.sampled_from(Purpose)),
            priority=draw(st.integers(0, 2)),
            min_threshold_percent=draw(st.sampled_from([0, 80, 100])),
            recommend_plan=draw(st.booleans()),
            min_saving=draw(st.none() | AMOUNTS),
            max_messages=draw(st.integers(0, 2)),
            window_days=1,
        )
        for one in ids
    ]


DRAWN_FACTS = st.builds(
    Facts,
    customer=st.none() | st.builds(Customer, st.just("UTC"), st.booleans()),
    open_faults=st.sampled_from([(), ("breaches/b",)]),
    held_bills=st.sampled_from([(), ("billChecks/r.b",)]),
    plan_costs=st.none()
    | st.builds(PlanCosts, st.sampled_from(PLANS), st.dictionaries(st.sampled_from(PLANS), AMOUNTS)),
    plans=st.dictionaries(st.sampled_from(PLANS), st.builds(PlanLabel, st.just("Plan"), st.sampled_from(PlanState))),
    recent_messages=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)),
)
OCCASIONS = st.builds(
    lambda kind, percent: occasion(trigger(kind), threshold_percent=percent),
    st.sampled_from(TriggerKind),
    st.sampled_from([0, 80, 100]),
)


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS)
def test_a_decision_that_acts_names_a_running_campaign_of_the_trigger(about, campaigns, known):
    decision = decide(about, campaigns, known, NOW)
    by_id = {one.campaign_id: one for one in campaigns}

    assert decision.reasons
    if decision.verdict is Verdict.STAY_SILENT:
        assert (decision.campaign_id, decision.message, decision.recommendation) == ("", None, None)
        return
    winner = by_id[decision.campaign_id]
    assert winner.state is CampaignState.RUNNING
    assert winner.trigger is about.trigger.kind
    assert winner.min_threshold_percent <= about.threshold_percent
    assert not winner.max_messages or known.recent_messages.get(winner.campaign_id, 0) < winner.max_messages
    assert known.customer is not None


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS)
def test_marketing_never_acts_without_consent_nor_in_trouble(about, campaigns, known):
    message = decide(about, campaigns, known, NOW).message

    if message is not None and message.purpose is Purpose.MARKETING:
        assert known.customer is not None
        assert known.customer.marketing_consent
        assert not known.open_faults
        assert not known.held_bills


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS)
def test_a_plan_that_is_named_is_on_sale_in_the_same_currency_and_saves_enough(about, campaigns, known):
    decision = decide(about, campaigns, known, NOW)
    found = decision.recommendation
    by_id = {one.campaign_id: one for one in campaigns}

    if found is None:
        return
    least = by_id[decision.campaign_id].min_saving
    assert by_id[decision.campaign_id].recommend_plan
    assert known.plans[found.recommended_plan].state is PlanState.ACTIVE
    assert found.current_cost.currency == found.recommended_cost.currency
    assert found.current_cost == known.plan_costs.costs[found.current_plan]
    assert found.saving.micros > 0
    assert least is None or (least.currency == found.saving.currency and least.micros <= found.saving.micros)
    assert not known.open_faults
    assert not known.held_bills
    others = {plan: cost for plan, cost in known.plan_costs.costs.items() if plan != found.current_plan}
    assert not any(
        cost.micros < found.recommended_cost.micros
        and cost.currency == found.recommended_cost.currency
        and plan in known.plans
        and known.plans[plan].state is PlanState.ACTIVE
        for plan, cost in others.items()
    )


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS)
def test_the_winner_is_among_those_that_facts_were_gathered_for(about, campaigns, known):
    decision = decide(about, campaigns, known, NOW)
    may_win = {one.campaign_id for one in contenders(campaigns, about)}

    assert decision.campaign_id in may_win | {""}
    assert may_win or decision == decide(about, campaigns, Facts(), NOW)


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS, seed=st.randoms(use_true_random=False))
def test_the_order_in_which_campaigns_are_kept_does_not_matter(about, campaigns, known, seed):
    shuffled = list(campaigns)
    seed.shuffle(shuffled)

    assert decide(about, shuffled, known, NOW) == decide(about, campaigns, known, NOW)


@given(about=OCCASIONS, campaigns=drawn_campaigns(), known=DRAWN_FACTS)
def test_a_pause_takes_a_campaign_out_of_the_very_next_decision(about, campaigns, known):
    first = decide(about, campaigns, known, NOW)
    paused = [
        replace(one, state=CampaignState.PAUSED) if one.campaign_id == first.campaign_id else one for one in campaigns
    ]

    assert first.verdict is Verdict.STAY_SILENT or decide(about, paused, known, NOW).campaign_id != first.campaign_id
