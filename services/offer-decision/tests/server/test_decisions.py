"""What others tell of sets off decisions, each once, which are told in turn."""

import asyncio
import uuid
from datetime import timedelta
from urllib.request import urlopen

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from offer_events import bill_held, customers_affected, money, signal_raised, stamp
from offer_samples import CYCLE_END, CYCLE_START, NOW
from offer_world import World

from cxmesh.offer.v1.campaign_pb2 import (
    CAMPAIGN_STATE_PAUSED,
    MESSAGE_PURPOSE_SERVICE,
    MESSAGE_PURPOSE_URGENT_SERVICE,
    TRIGGER_KIND_BILL_HELD,
    TRIGGER_KIND_SERVICE_DEGRADED,
    TRIGGER_KIND_SPEND_THRESHOLD,
)
from cxmesh.offer.v1.decision_pb2 import DECISION_OUTCOME_PENDING, Decision, PlanRecommendation
from cxmesh.offer.v1.events_pb2 import DecisionMade
from cxmesh.offer.v1.offer_decision_service_pb2 import (
    GetDecisionRequest,
    ListDecisionsRequest,
    UpdateCampaignRequest,
)

ACT, SILENT = Decision.VERDICT_ACT, Decision.VERDICT_STAY_SILENT
TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED, UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE}-b7ad6b7169203331-00"


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def test_a_customer_is_warned_of_spending(world: World):
    await world.run_campaign()
    ada = world.customer()
    decision = await world.decided(signal_raised(ada), ada)

    assert decision == Decision(
        name=decision.name,
        customer=ada,
        subscription=f"subscriptions/{ada.partition('/')[2]}-mobile",
        trigger={"kind": TRIGGER_KIND_SPEND_THRESHOLD, "resource": "signals/s-1", "event_time": stamp(NOW)},
        verdict=ACT,
        campaign="campaigns/bill-shock",
        message_request={
            "template": "templates/bill-shock",
            "purpose": MESSAGE_PURPOSE_SERVICE,
            "parameters": {"spent": "USD 68.20", "limit": "USD 85.00", "percent": "80", "cycle_end": "2026-03-31"},
            "action_path": f"/plans/compare?subscription={ada.partition('/')[2]}-mobile",
            "expire_time": stamp(CYCLE_END),
        },
        reasons=[{"code": "campaign.won", "text": "Bill shock applies"}],
        create_time=stamp(world.clock.now()),
        outcome=DECISION_OUTCOME_PENDING,
    )
    assert await world.offers().GetDecision(GetDecisionRequest(name=decision.name)) == decision
    assert (await world.published())[-1] == DecisionMade(decision=decision)


async def test_the_plan_that_would_have_been_cheaper_is_named(world: World):
    await world.create_plan("standard", display_name="Standard")
    await world.create_plan("saver", display_name="Evening Saver")
    await world.create_plan("old", display_name="Old", state=3)
    await world.run_campaign(recommend_plan=True, min_saving=money(1))
    world.peers.usage.costs = {
        "plans/standard": money(60),
        "plans/saver": money(47, 499_999_999),
        "plans/old": money(1),
    }
    ada = world.customer()
    decision = await world.decided(signal_raised(ada), ada)

    assert decision.plan_recommendation == PlanRecommendation(
        current_plan="plans/standard",
        recommended_plan="plans/saver",
        current_cost=money(60),
        recommended_cost=money(47, 500_000_000),
        saving=money(12, 500_000_000),
    )
    assert decision.message_request.template == "templates/bill-shock-plan"
    assert decision.message_request.parameters["current_plan"] == "Standard"
    assert decision.message_request.parameters["recommended_plan"] == "Evening Saver"
    assert decision.message_request.parameters["saving"] == "USD 12.50"
    assert codes(decision) == ["campaign.won", "plan.recommended"]
    (asked,) = world.peers.usage.requests
    assert (asked.subscription, asked.cycle_time) == (decision.subscription, stamp(CYCLE_START))


@pytest.mark.parametrize("trouble", ["bill", "fault"])
async def test_in_trouble_the_warning_goes_without_a_plan(world: World, trouble: str):
    await world.create_plan("standard")
    await world.create_plan("saver")
    await world.run_campaign(recommend_plan=True)
    world.peers.usage.costs = {"plans/standard": money(60), "plans/saver": money(47)}
    ada = world.customer()
    if trouble == "bill":
        world.peers.billing.held[ada] = ["billChecks/march.b-1"]
    else:
        world.peers.network.breaches[ada] = ["breaches/b-1"]
    decision = await world.decided(signal_raised(ada), ada)

    assert (decision.verdict, codes(decision)) == (ACT, ["campaign.won", "plan.not_now"])
    assert decision.message_request.template == "templates/bill-shock"
    assert not decision.HasField("plan_recommendation")


async def test_a_customer_is_told_that_a_bill_is_held(world: World):
    await world.run_campaign("bill-held", trigger=TRIGGER_KIND_BILL_HELD, template="templates/bill-held")
    ada = world.customer()
    decision = await world.decided(bill_held(ada), ada)

    assert decision.verdict == ACT
    assert decision.trigger.kind == TRIGGER_KIND_BILL_HELD
    assert decision.trigger.resource == "billChecks/march.b-1"
    assert dict(decision.message_request.parameters) == {
        "bill": "b-1",
        "billed": "USD 60.00",
        "expected": "USD 47.50",
        "difference": "USD 12.50",
    }
    assert decision.message_request.action_path == "/bills/b-1"
    assert decision.message_request.expire_time == stamp(NOW + timedelta(days=30))


async def test_a_bill_that_nobody_is_known_for_sets_nothing_off(world: World):
    await world.run_campaign("bill-held", trigger=TRIGGER_KIND_BILL_HELD)
    await world.tell(bill_held(""))

    assert await world.decisions() == []


async def test_every_customer_whom_a_fault_hits_is_told(world: World):
    await world.run_campaign("degraded", trigger=TRIGGER_KIND_SERVICE_DEGRADED, purpose=MESSAGE_PURPOSE_URGENT_SERVICE)
    ada, bob = world.customer(), world.customer(zone="Europe/Vienna")
    await world.tell(customers_affected(ada, bob))
    (of_ada,), (of_bob,) = await world.decisions(ada), await world.decisions(bob)

    assert of_ada.message_request.purpose == MESSAGE_PURPOSE_URGENT_SERVICE
    assert dict(of_ada.message_request.parameters) == {"service": "IPTV", "since": "2026-03-15 08:00"}
    assert dict(of_bob.message_request.parameters) == {"service": "IPTV", "since": "2026-03-15 13:00"}
    assert of_ada.message_request.action_path == "/service-status"
    assert of_ada.message_request.expire_time == stamp(NOW + timedelta(hours=24))
    assert of_ada.subscription == ""
    assert len(world.peers.profile.asked) == 1  # one call for both


async def test_nobody_is_told_of_one_breach_twice(world: World):
    await world.run_campaign("degraded", trigger=TRIGGER_KIND_SERVICE_DEGRADED)
    ada, bob = world.customer(), world.customer()
    await world.tell(
        customers_affected(ada), customers_affected(ada, bob), customers_affected(ada, breach="breaches/b-2")
    )

    assert sorted(one.trigger.resource for one in await world.decisions(ada)) == ["breaches/b-1", "breaches/b-2"]
    assert len(await world.decisions(bob)) == 1


@pytest.mark.parametrize("trace", [SAMPLED, UNSAMPLED])
async def test_the_decision_is_told_in_the_trace_of_what_set_it_off(world: World, trace: str):
    await world.run_campaign()
    ada = world.customer()
    await world.handled(await world.publish(signal_raised(ada), trace=trace))
    entry = await world.relayed(ada)

    assert entry[b"type"] == b"cxmesh.offer.v1.DecisionMade"
    assert DecisionMade.FromString(entry[b"data"]).decision == (await world.decisions(ada))[0]
    version, trace_id, _, flags = entry[b"traceparent"].decode().split("-")
    assert (version, trace_id, flags) == ("00", TRACE, trace[-2:])


async def test_what_is_not_sampled_keeps_its_own_trace_in_a_batch_with_others(world: World):
    await world.run_campaign()
    traces = {world.customer(): uuid.uuid4().hex for _ in range(20)}
    await world.handled(*[
        await world.publish(signal_raised(customer), trace=f"00-{trace}-b7ad6b7169203331-00")
        for customer, trace in traces.items()
    ])  # fmt: skip

    for customer, trace in traces.items():
        assert (await world.relayed(customer))[b"traceparent"].decode().split("-")[1] == trace


async def test_an_event_that_comes_again_is_decided_once(world: World):
    await world.run_campaign()
    ada = world.customer()
    event_id = await world.publish(signal_raised(ada))
    await world.handled(event_id)
    await world.publish(signal_raised(ada), event_id=event_id)  # the same event, relayed again
    await world.tell(signal_raised(ada), signal_raised(ada))  # the same signal in other events
    await world.tell(signal_raised(world.customer(), name="signals/last"))

    assert len(await world.decisions(ada)) == 1
    made = [event for event in await world.published() if isinstance(event, DecisionMade)]
    assert [event.decision.trigger.resource for event in made] == ["signals/s-1", "signals/last"]


async def test_signals_of_other_kinds_set_nothing_off(world: World):
    await world.run_campaign()
    ada = world.customer()
    await world.tell(signal_raised(ada, spend_threshold=None))

    assert await world.decisions(ada) == []


async def test_a_paused_campaign_is_silent_from_the_next_decision_on(world: World):
    running = await world.run_campaign()
    ada = world.customer()
    await world.tell(signal_raised(ada))
    running.state = CAMPAIGN_STATE_PAUSED
    await world.offers().UpdateCampaign(UpdateCampaignRequest(campaign=running, update_mask=FieldMask(paths=["state"])))
    world.clock.advance(timedelta(seconds=1))
    await world.tell(signal_raised(ada, name="signals/s-2"))
    before, after = await world.decisions(ada)

    assert (before.verdict, after.verdict) == (ACT, SILENT)
    assert codes(after) == ["campaign.paused"]
    assert not after.HasField("message_request")
    assert after.campaign == ""


async def test_a_campaign_that_is_retargeted_speaks_from_the_next_decision_on(world: World):
    running = await world.run_campaign(min_threshold_percent=100)
    ada = world.customer()
    await world.tell(signal_raised(ada))
    running.min_threshold_percent = 80
    await world.offers().UpdateCampaign(UpdateCampaignRequest(campaign=running))
    world.clock.advance(timedelta(seconds=1))
    await world.tell(signal_raised(ada, name="signals/s-2"))

    assert [codes(one) for one in await world.decisions(ada)] == [["campaign.below_threshold"], ["campaign.won"]]


async def test_silence_is_told_with_its_reason(world: World):
    ada = world.customer()
    decision = await world.decided(signal_raised(ada), ada)

    assert (decision.verdict, codes(decision)) == (SILENT, ["silence.no_campaign"])
    assert decision.outcome == 0
    assert (await world.published())[-1] == DecisionMade(decision=decision)


async def test_decisions_are_listed_newest_first_page_by_page(world: World):
    await world.run_campaign()
    ada = world.customer()
    for number in range(5):
        world.clock.advance(timedelta(seconds=number % 2))
        await world.tell(signal_raised(ada, name=f"signals/{number}"))
    walked: list[Decision] = []
    request = ListDecisionsRequest(customer=ada, campaign="campaigns/bill-shock", page_size=2)
    while True:
        page = await world.offers().ListDecisions(request)
        walked += page.decisions
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert len({one.name for one in walked}) == len(walked) == 5
    assert [one.create_time.seconds for one in walked] == sorted(
        (one.create_time.seconds for one in walked), reverse=True
    )
    assert not (await world.offers().ListDecisions(ListDecisionsRequest(campaign="campaigns/other"))).decisions


async def test_decisions_are_counted_and_their_delay_is_measured(world: World):
    def scrape() -> str:
        with urlopen(f"http://{world.service.running.metrics_address}/metrics") as answer:
            return str(answer.read().decode())

    await world.handled(
        await world.publish(bill_held(world.customer()), at=world.clock.now() - timedelta(seconds=7)),
        await world.publish(bill_held(world.customer()), at=world.clock.now() - timedelta(minutes=2)),
    )
    scraped = await asyncio.to_thread(scrape)
    # No other test here leaves a bill unspoken of: the metrics go on as long as the service does.
    labels = 'cxmesh_offer_trigger="BILL_HELD",cxmesh_offer_verdict="STAY_SILENT"'

    assert f"cxmesh_offer_decisions_total{{{labels}}} 2.0" in scraped
    assert f'cxmesh_offer_decision_delay_seconds_bucket{{{labels},le="5.0"}} 0.0' in scraped
    assert f'cxmesh_offer_decision_delay_seconds_bucket{{{labels},le="10.0"}} 1.0' in scraped
    assert f"cxmesh_offer_decision_delay_seconds_sum{{{labels}}} 127.0" in scraped
