"""What makes up for a fault, whom it is credited to, and once."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from offer_samples import NOW, campaign, facts, occasion, trigger, usd

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import Purpose, TriggerKind, check_campaign
from offer_decision.domain.decisions import Verdict
from offer_decision.domain.recover import recover
from offer_decision.domain.recovery import CreditState, Held, RecoveryPolicy
from offer_decision.domain.weigh import decide
from offer_decision.errors import InvalidValue

FIVE = RecoveryPolicy(usd("5"), "", 0)
TV, PHONE = Held("subscriptions/z-tv", "iptv"), Held("subscriptions/a-phone", "mobile")


def degraded(**fields):
    return occasion(
        trigger(TriggerKind.SERVICE_DEGRADED, resource="breaches/b-1", subscription=""),
        service="iptv",
        threshold_percent=0,
        usage_time=None,
        **fields,
    )


def recovering(policy: RecoveryPolicy = FIVE, **fields):
    return campaign("fault", trigger=TriggerKind.SERVICE_DEGRADED, recovery=policy, **fields)


def test_the_subscription_that_failed_is_credited_and_else_the_first_by_name():
    assert recover(FIVE, "iptv", NOW, [PHONE, TV], [])[0].subscription == "subscriptions/z-tv"
    assert recover(FIVE, "voip", NOW, [TV, PHONE], [])[0].subscription == "subscriptions/a-phone"


def test_without_a_subscription_there_is_no_credit_but_a_voucher():
    found, reason = recover(FIVE, "iptv", NOW, [], [])
    assert (found, reason.code) == (None, "recovery.no_subscription")
    both = RecoveryPolicy(usd("5"), "FILM-NIGHT", 0)
    found, reason = recover(both, "iptv", NOW, [], [])
    assert (found.credit, found.credit_state, found.voucher, reason.code) == (
        None,
        None,
        "FILM-NIGHT",
        "recovery.offered",
    )


@pytest.mark.parametrize(
    ("hours", "apart", "same"),
    [
        (0, timedelta(hours=23, minutes=59), True),
        (0, timedelta(hours=24), False),
        (0, timedelta(hours=-23), True),
        (0, timedelta(hours=-24), False),
        (2, timedelta(hours=2), False),
        (2, timedelta(minutes=119), True),
        (72, timedelta(hours=71), True),
    ],
)
def test_breaches_of_about_the_same_time_are_one_fault(hours: int, apart: timedelta, same: bool):
    found, reason = recover(RecoveryPolicy(usd("5"), "", hours), "iptv", NOW + apart, [TV], [NOW])
    assert (found is None) is same
    assert reason.code == ("recovery.already" if same else "recovery.offered")


@given(moments=st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 2, 1)), max_size=30))  # noqa: DTZ001 - whole
def test_however_breaches_fall_no_two_recoveries_are_of_one_fault(moments: list[datetime]):
    made_up: list[datetime] = []
    for moment in moments:
        found, _ = recover(FIVE, "iptv", moment, [TV], made_up)
        if found is not None:
            made_up.append(found.fault_time)
    ordered = sorted(made_up)
    assert all(later - earlier >= timedelta(hours=24) for earlier, later in pairwise(ordered))
    assert bool(made_up) == bool(moments)


def test_the_message_tells_what_makes_up_for_it():
    policy = RecoveryPolicy(usd("5"), "FILM-NIGHT", 0)
    decision = decide(degraded(), [recovering(policy)], facts(held=(TV,)), NOW)
    assert decision.verdict is Verdict.ACT
    assert decision.message.template == "templates/fault-recovery"
    assert decision.message.parameters["credit"] == "USD 5.00"
    assert decision.message.parameters["voucher"] == "FILM-NIGHT"
    assert decision.recovery.credit_state is CreditState.PENDING
    assert [reason.code for reason in decision.reasons] == ["campaign.won", "recovery.offered"]
    assert decision.reasons[1].text == (
        "a credit of USD 5.00 to subscriptions/z-tv and the voucher FILM-NIGHT makes up for the fault"
    )


def test_a_customer_whose_fault_was_made_up_for_is_told_all_the_same():
    decision = decide(degraded(), [recovering()], facts(held=(TV,), recovered=(NOW - timedelta(hours=1),)), NOW)
    assert (decision.verdict, decision.recovery) == (Verdict.ACT, None)
    assert decision.message.template == "templates/fault"
    assert decision.reasons[-1].code == "recovery.already"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"trigger": TriggerKind.BILL_HELD}, "campaign.recovery"),
        ({"purpose": Purpose.MARKETING}, "campaign.purpose"),
        ({"recovery": RecoveryPolicy(usd("0"), "", 0)}, "campaign.recovery.credit"),
        ({"recovery": RecoveryPolicy(Amount(-1_000_000, "USD"), "", 0)}, "campaign.recovery.credit"),
        ({"recovery": RecoveryPolicy(Amount(5_001, "USD"), "", 0)}, "campaign.recovery.credit"),
        ({"recovery": RecoveryPolicy(Amount(500_000, "JPY"), "", 0)}, "campaign.recovery.credit"),
        ({"template": f"templates/{'x' * 60}"}, "campaign.template"),
    ],
)
def test_a_recovery_that_cannot_be_is_refused(fields: dict, field: str):
    usual = {"trigger": TriggerKind.SERVICE_DEGRADED, "recovery": FIVE}
    with pytest.raises(InvalidValue) as refused:
        check_campaign(campaign("fault", **usual | fields))
    assert refused.value.field == field


def test_a_voucher_alone_makes_up_for_a_fault():
    check_campaign(recovering(RecoveryPolicy(None, "FILM-NIGHT", 0)))
    found, _ = recover(RecoveryPolicy(None, "FILM-NIGHT", 0), "iptv", NOW, [TV], [])
    assert (found.credit, found.subscription, found.credit_state) == (None, "", None)
