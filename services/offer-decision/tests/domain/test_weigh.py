"""Who wins, who is silent, and which reason is left behind."""

from dataclasses import replace

import pytest
from offer_samples import ADA, CYCLE_END, NOW, campaign, facts, occasion, trigger

from offer_decision.domain.campaigns import CampaignState, Purpose, TriggerKind
from offer_decision.domain.decisions import Decision, Outcome, Verdict
from offer_decision.domain.facts import Customer
from offer_decision.domain.weigh import contenders, decide

MARKETING = {"purpose": Purpose.MARKETING}
NO_CONSENT = Customer("America/New_York", marketing_consent=False)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_campaign_that_nothing_speaks_against_wins():
    decision = decide(occasion(), [campaign()], facts(), NOW)

    assert decision.verdict is Verdict.ACT
    assert decision.campaign_id == "shock"
    assert decision.outcome is Outcome.PENDING
    assert codes(decision) == ["campaign.won"]
    assert decision.create_time == NOW
    assert decision.trigger == trigger()


def test_the_message_says_what_the_occasion_gives_in_the_customers_own_time():
    said = occasion(days={"cycle_end": CYCLE_END}, moments={"since": NOW})
    message = decide(said, [campaign(purpose=Purpose.URGENT_SERVICE)], facts(), NOW).message

    assert message is not None
    assert message.template == "templates/shock"
    assert message.purpose is Purpose.URGENT_SERVICE
    assert message.parameters == {"spent": "USD 68.20", "cycle_end": "2026-04-01", "since": "2026-03-15 08:00"}
    assert message.action_path == "/plans/compare"
    assert message.expire_time == CYCLE_END


def test_nothing_is_said_when_no_campaign_answers():
    decision = decide(occasion(), [campaign(trigger=TriggerKind.BILL_HELD)], facts(), NOW)

    assert decision.verdict is Verdict.STAY_SILENT
    assert (decision.campaign_id, decision.message, decision.outcome) == ("", None, None)
    assert codes(decision) == ["silence.no_campaign"]


@pytest.mark.parametrize("state", [CampaignState.DRAFT, CampaignState.ENDED])
def test_a_campaign_that_is_prepared_or_over_is_as_if_it_were_not_there(state: CampaignState):
    assert codes(decide(occasion(), [campaign(state=state)], facts(), NOW)) == ["silence.no_campaign"]


@pytest.mark.parametrize(
    ("changes", "known", "code"),
    [
        ({"state": CampaignState.PAUSED}, {}, "campaign.paused"),
        ({"min_threshold_percent": 81}, {}, "campaign.below_threshold"),
        ({}, {"customer": None}, "silence.unknown_customer"),
        ({"max_messages": 2, "window_days": 7}, {"recent_messages": {"shock": 2}}, "silence.fatigue"),
        (MARKETING, {"customer": NO_CONSENT}, "silence.no_consent"),
        (MARKETING, {"open_faults": ("breaches/b-1",)}, "silence.open_fault"),
        (MARKETING, {"held_bills": ("billChecks/r.b",)}, "silence.bill_held"),
    ],
)
def test_what_speaks_against_a_campaign_is_the_reason_for_silence(changes, known, code: str):
    decision = decide(occasion(), [campaign(**changes)], facts(**known), NOW)

    assert decision.verdict is Verdict.STAY_SILENT
    assert codes(decision) == [code]
    assert decision.message is None


def test_reasons_name_what_stands_in_the_way():
    marketing = campaign(**MARKETING)
    (fault,) = decide(occasion(), [marketing], facts(open_faults=("breaches/b-1", "breaches/b-2")), NOW).reasons
    (bill,) = decide(occasion(), [marketing], facts(held_bills=("billChecks/r.b",)), NOW).reasons
    (low,) = decide(occasion(), [campaign(min_threshold_percent=100)], facts(), NOW).reasons

    assert "breaches/b-1" in fault.text
    assert "billChecks/r.b" in bill.text
    assert low.text == "Shock speaks from 100 % on, this is 80 %"


@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.URGENT_SERVICE])
def test_service_messages_need_no_consent_and_pass_in_trouble(purpose: Purpose):
    troubled = facts(customer=NO_CONSENT, open_faults=("breaches/b",), held_bills=("billChecks/r.b",))

    assert decide(occasion(), [campaign(purpose=purpose)], troubled, NOW).verdict is Verdict.ACT


def test_a_threshold_is_reached_when_it_is_met():
    assert decide(occasion(), [campaign(min_threshold_percent=80)], facts(), NOW).verdict is Verdict.ACT


def test_a_limit_counts_the_messages_of_its_own_campaign():
    limited = campaign(max_messages=2, window_days=7)
    told = facts(recent_messages={"shock": 1, "other": 9})

    assert decide(occasion(), [limited], told, NOW).verdict is Verdict.ACT


def test_the_highest_priority_wins_and_the_others_leave_no_reason():
    rivals = [campaign("a", priority=1), campaign("b", priority=3), campaign("c", priority=2)]
    decision = decide(occasion(), rivals, facts(), NOW)

    assert (decision.campaign_id, codes(decision)) == ("b", ["campaign.won"])


def test_ties_are_broken_by_name():
    rivals = [campaign("b"), campaign("c"), campaign("a")]

    assert decide(occasion(), rivals, facts(), NOW).campaign_id == "a"


def test_each_campaign_that_was_passed_over_leaves_its_reason_in_order():
    rivals = [
        campaign("service", priority=1),
        campaign("offer", priority=9, **MARKETING),
        campaign("paused", priority=5, state=CampaignState.PAUSED),
        campaign("late", priority=3, min_threshold_percent=100),
    ]
    decision = decide(occasion(), rivals, facts(customer=NO_CONSENT), NOW)

    assert decision.campaign_id == "service"
    assert codes(decision) == ["silence.no_consent", "campaign.paused", "campaign.below_threshold", "campaign.won"]


def test_a_plan_that_would_have_been_cheaper_is_named_by_a_template_of_its_own():
    decision = decide(occasion(), [campaign(recommend_plan=True)], facts(), NOW)

    assert decision.recommendation is not None
    assert decision.recommendation.recommended_plan == "plans/saver"
    assert decision.message is not None
    assert decision.message.template == "templates/shock-plan"
    assert decision.message.parameters == {
        "spent": "USD 68.20",
        "cycle_end": "2026-04-01",
        "current_plan": "Standard",
        "recommended_plan": "Evening Saver",
        "saving": "USD 12.50",
    }
    assert codes(decision) == ["campaign.won", "plan.recommended"]


def test_the_warning_goes_without_a_plan_when_none_can_be_named():
    decision = decide(occasion(), [campaign(recommend_plan=True)], facts(held_bills=("billChecks/r.b",)), NOW)

    assert decision.verdict is Verdict.ACT
    assert decision.recommendation is None
    assert decision.message is not None
    assert decision.message.template == "templates/shock"
    assert "recommended_plan" not in decision.message.parameters
    assert codes(decision) == ["campaign.won", "plan.not_now"]


def test_the_same_trigger_and_customer_are_decided_under_the_same_id():
    id_of = trigger().decision_id

    assert id_of == replace(trigger(), event_time=CYCLE_END, subscription="").decision_id
    assert id_of != replace(trigger(), resource="signals/s-2").decision_id
    assert id_of != replace(trigger(), customer="customers/bob").decision_id
    assert trigger().customer == ADA


def test_only_campaigns_that_may_win_are_worth_asking_for():
    rivals = [
        campaign("paused", priority=9, state=CampaignState.PAUSED),
        campaign("late", priority=8, min_threshold_percent=100),
        campaign("offer", priority=7, **MARKETING),
        campaign("limited", priority=6, max_messages=1, window_days=1),
        campaign("service", priority=5),
        campaign("never", priority=4, recommend_plan=True),
    ]

    assert [one.campaign_id for one in contenders(rivals, occasion())] == ["offer", "limited", "service"]
