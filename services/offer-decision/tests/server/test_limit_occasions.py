"""What customers are told of spending limits: always, in their words' values, whatever the campaigns."""

from typing import Any

import grpc
import pytest
from offer_events import money, stamp
from offer_samples import CYCLE_END, CYCLE_START, NOW
from offer_world import World, campaign

from cxmesh.offer.v1.campaign_pb2 import (
    MESSAGE_PURPOSE_SERVICE,
    MESSAGE_PURPOSE_URGENT_SERVICE,
    TRIGGER_KIND_SPENDING_LIMIT,
)
from cxmesh.offer.v1.decision_pb2 import Decision
from cxmesh.offer.v1.offer_decision_service_pb2 import CreateCampaignRequest
from cxmesh.usage.v1 import signal_pb2 as s
from cxmesh.usage.v1.events_pb2 import SignalRaised
from cxmesh.usage.v1.limit_state_pb2 import ConsentTerms
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_CONTENT, USAGE_TYPE_DATA, USAGE_TYPE_VOICE
from offer_decision.server.limit_occasions import of_limit, price_text, unit_text

TERMS = ConsentTerms(
    next_limit=money(100, currency="EUR"),
    price=money(0, 3_500_000, currency="EUR"),
    usage_type=USAGE_TYPE_DATA,
    quantity=1_000_000,
)
LAST = ConsentTerms(price=TERMS.price, usage_type=USAGE_TYPE_DATA, quantity=1_000_000)


def signal(stage: str, customer: str = "customers/ada", **fields: Any) -> s.Signal:
    """EUR 50 of 50 are spent abroad."""
    detail: dict[str, Any] = {
        "limit_policy": "limitPolicies/eu-data-roaming",
        "stage": s.SpendingLimitStage.Value(f"SPENDING_LIMIT_STAGE_{stage}"),
        "percent": 100,
        "limit": money(50, currency="EUR"),
        "spent": money(50, currency="EUR"),
        "period_start_time": stamp(CYCLE_START),
        "period_end_time": stamp(CYCLE_END),
        "template_prefix": "data-roaming-limit",
    }
    return s.Signal(
        name=f"signals/{stage.lower()}",
        kind=s.SIGNAL_KIND_SPENDING_LIMIT,
        customer=customer,
        subscription="subscriptions/ada-mobile",
        event_time=stamp(NOW),
        spending_limit=s.SpendingLimitPassed(**detail | fields),
    )


def test_a_stop_says_what_was_spent_and_what_going_on_costs():
    found = of_limit(signal("STOPPED", consent_terms=TERMS))

    assert found.parameters == {
        "percent": "100",
        "spent": "EUR 50.00",
        "limit": "EUR 50.00",
        "price": "EUR 0.0035",
        "price_unit": "1 MB",
        "next_limit": "EUR 100.00",
    }
    assert found.action_path == "/spending-limits?subscription=ada-mobile&policy=eu-data-roaming"
    assert found.expire_time == CYCLE_END
    assert found.days["period_end"] < CYCLE_END


@pytest.mark.parametrize(
    ("stage", "fields", "template"),
    [
        ("NEAR", {}, "near"),
        ("REACHED", {}, "reached"),
        ("STOPPED", {"consent_terms": TERMS}, "stopped"),
        ("STOPPED", {"consent_terms": LAST}, "last"),
        ("OPEN", {}, "open"),
        ("OPEN", {"limit": None}, "unlimited"),
    ],
)
def test_every_stage_has_its_template(stage: str, fields: dict[str, Any], template: str):
    mandate = of_limit(signal(stage, **fields)).mandate
    assert mandate is not None
    assert mandate.template == f"templates/data-roaming-limit-{template}"


def test_a_stage_that_is_not_known_is_put_aside():
    with pytest.raises(ValueError, match="got a spending limit at stage 0, expected one of"):
        of_limit(signal("UNSPECIFIED"))


@pytest.mark.parametrize(
    ("usage_type", "quantity", "text"),
    [
        (USAGE_TYPE_DATA, 500_000, "0.5 MB"),
        (USAGE_TYPE_VOICE, 60, "1 min"),
        (USAGE_TYPE_CONTENT, 1, "1"),
    ],
)
def test_what_a_price_is_for_is_read_alike_everywhere(usage_type: Any, quantity: int, text: str):
    assert unit_text(ConsentTerms(usage_type=usage_type, quantity=quantity)) == text


def test_a_price_keeps_all_its_digits_and_its_coins():
    assert price_text(money(2, 500_000_000, currency="EUR")) == "EUR 2.50"
    with pytest.raises(ValueError, match="got a price in 'XXX'"):
        price_text(money(1, currency="XXX"))


@pytest.mark.parametrize(
    ("stage", "purpose"), [("STOPPED", MESSAGE_PURPOSE_URGENT_SERVICE), ("OPEN", MESSAGE_PURPOSE_SERVICE)]
)
async def test_the_customer_is_told_without_any_campaign_or_consent(world: World, stage: str, purpose: int):
    customer = world.customer()
    terms = {"consent_terms": TERMS} if stage == "STOPPED" else {}
    decision = await world.decided(SignalRaised(signal=signal(stage, customer, **terms)), customer)

    assert decision.verdict == Decision.VERDICT_ACT
    assert decision.message_request.purpose == purpose
    assert decision.trigger.resource == f"signals/{stage.lower()}"
    assert (decision.campaign, decision.trigger.kind) == ("", TRIGGER_KIND_SPENDING_LIMIT)
    assert [reason.code for reason in decision.reasons] == ["notice.mandatory"]
    assert decision.message_request.parameters["period_end"] == "2026-03-31"


async def test_nobody_is_tired_of_notices_that_the_law_demands(world: World):
    customer = world.customer()
    events = [SignalRaised(signal=s.Signal(name=f"signals/{number}")) for number in range(5)]
    for event in events:
        name = event.signal.name
        event.signal.CopyFrom(signal("NEAR", customer))
        event.signal.name = name
    await world.tell(*events)

    assert {each.verdict for each in await world.decisions(customer)} == {Decision.VERDICT_ACT}


async def test_of_a_customer_whom_nobody_knows_silence_says_why(world: World):
    decision = await world.decided(SignalRaised(signal=signal("NEAR", "customers/nobody")), "customers/nobody")

    assert decision.verdict == Decision.VERDICT_STAY_SILENT
    assert [reason.code for reason in decision.reasons] == ["silence.unknown_customer"]


async def test_a_campaign_cannot_answer_spending_limits(world: World):
    made = campaign(trigger=TRIGGER_KIND_SPENDING_LIMIT)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.offers().CreateCampaign(CreateCampaignRequest(campaign_id="limits", campaign=made))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "campaign.trigger" in (refused.value.details() or "")
