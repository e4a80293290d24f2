"""Is a customer hit by a fault told, made up to once, and credited once, whatever is away meanwhile?"""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from offer_events import customers_affected, money
from offer_samples import NOW
from offer_world import World, until
from sqlalchemy import text

from cxmesh.billing.v1.account_entry_pb2 import ACCOUNT_ENTRY_KIND_CREDIT
from cxmesh.offer.v1 import offer_decision_service_pb2 as pb
from cxmesh.offer.v1.campaign_pb2 import TRIGGER_KIND_SERVICE_DEGRADED, Campaign, RecoveryOffer
from cxmesh.offer.v1.decision_pb2 import Decision, Recovery
from cxmesh.profile.v1.subscription_pb2 import (
    SERVICE_TYPE_IPTV,
    SERVICE_TYPE_MOBILE,
    SUBSCRIPTION_STATE_PENDING,
)
from mesh.rpc import error_from

FIVE = RecoveryOffer(credit=money(5))


async def recovering(world: World, recovery: RecoveryOffer = FIVE) -> Campaign:
    return await world.run_campaign(
        "fault", trigger=TRIGGER_KIND_SERVICE_DEGRADED, template="templates/fault", recovery=recovery
    )


def viewer(world: World) -> str:
    """A customer with a television."""
    customer = world.customer()
    world.peers.profile.hold(customer, f"subscriptions/{customer.partition('/')[2]}-tv", SERVICE_TYPE_IPTV)
    return customer


async def settled(world: World, customer: str) -> Decision:
    """The customer's decision, once its credit is no longer pending."""

    async def done() -> bool:
        (decision,) = await world.decisions(customer)
        return decision.recovery.credit_state != Recovery.CREDIT_STATE_PENDING

    await until(done)
    (decision,) = await world.decisions(customer)
    return decision


async def test_a_fault_is_told_with_its_credit_and_the_credit_gets_onto_the_account(world: World):
    await recovering(world)
    customer = viewer(world)
    decision = await world.decided(customers_affected(customer), customer)

    assert decision.message_request.template == "templates/fault-recovery"
    assert decision.message_request.parameters["credit"] == "USD 5.00"
    assert decision.recovery.credit == money(5)
    after = await settled(world, customer)
    assert after.recovery.credit_state == Recovery.CREDIT_STATE_GRANTED
    (entry,) = world.peers.billing.entries
    assert (entry.source, entry.kind, entry.amount) == ("offer-decision", ACCOUNT_ENTRY_KIND_CREDIT, money(5))
    assert entry.subscription == f"subscriptions/{customer.partition('/')[2]}-tv"
    assert entry.reference == decision.name
    assert await world.offers().GetDecision(pb.GetDecisionRequest(name=decision.name)) == after


async def test_the_credited_subscription_may_stand_on_a_later_page(world: World):
    await recovering(world)
    world.peers.profile.most_in_a_page = 2
    customer = world.customer()
    name = f"subscriptions/{customer.partition('/')[2]}"
    for number in range(4):
        world.peers.profile.hold(customer, f"{name}-{number}", SERVICE_TYPE_MOBILE)
    world.peers.profile.hold(customer, f"{name}-tv", SERVICE_TYPE_IPTV)
    decision = await world.decided(customers_affected(customer), customer)

    assert decision.recovery.subscription == f"{name}-tv"


async def test_further_breaches_of_the_same_trouble_are_told_but_not_made_up_for_again(world: World):
    await recovering(world)
    customer = viewer(world)
    breaches = [
        customers_affected(customer, breach=f"breaches/b-{minute}", since=NOW + timedelta(minutes=minute))
        for minute in range(5)
    ]
    await world.tell(*breaches, breaches[0])
    await world.tell(customers_affected(customer, breach="breaches/next-day", since=NOW + timedelta(hours=25)))
    await world.tell(customers_affected(customer, breach="breaches/voip", service="voip"))
    decisions = await world.decisions(customer)

    assert len(decisions) == 7
    made_up = {one.trigger.resource for one in decisions if one.HasField("recovery")}
    assert "breaches/next-day" in made_up
    assert "breaches/voip" in made_up
    assert len(made_up) == 3
    assert sum(one.message_request.template == "templates/fault" for one in decisions) == 4
    await until(lambda: _entries(world, 3))


async def test_many_customers_of_one_fault_are_credited_in_one_call(world: World):
    await recovering(world)
    customers = [viewer(world) for _ in range(200)]
    world.peers.billing.fails = grpc.StatusCode.UNAVAILABLE
    await world.tell(customers_affected(*customers))
    world.peers.billing.fails = None
    await until(lambda: _entries(world, 200))
    assert world.peers.billing.answered_calls == 1  # those before found billing away
    assert len({entry.entry_id for entry in world.peers.billing.entries}) == 200


async def test_a_credit_waits_while_billing_is_away_and_the_customer_is_told_meanwhile(world: World):
    await recovering(world)
    customer = viewer(world)
    world.peers.billing.fails = grpc.StatusCode.UNAVAILABLE
    decision = await world.decided(customers_affected(customer), customer)
    await asyncio.sleep(0.2)
    assert decision.recovery.credit_state == Recovery.CREDIT_STATE_PENDING
    assert world.peers.billing.entries == []
    world.peers.billing.fails = None
    assert (await settled(world, customer)).recovery.credit_state == Recovery.CREDIT_STATE_GRANTED


async def test_a_credit_that_was_given_before_it_could_be_noted_is_not_given_twice(world: World):
    await recovering(world)
    customer = viewer(world)
    await world.tell(customers_affected(customer))
    await settled(world, customer)
    async with world.service.runtime.store.unit_of_work() as uow:  # as if the note had been lost
        await uow.connection.execute(text("UPDATE offer.recovery SET credit_state = 'PENDING'"))
    assert (await settled(world, customer)).recovery.credit_state == Recovery.CREDIT_STATE_GRANTED
    assert len(world.peers.billing.entries) == 1


async def test_a_credit_that_billing_refuses_says_why(world: World):
    await recovering(world)
    customer = viewer(world)
    world.peers.billing.refuses.add(f"subscriptions/{customer.partition('/')[2]}-tv")
    await world.tell(customers_affected(customer))
    found = (await settled(world, customer)).recovery
    assert found.credit_state == Recovery.CREDIT_STATE_REFUSED
    assert "subscription: nobody knows it" in found.refusal


async def test_only_an_active_subscription_is_credited(world: World):
    await recovering(world)
    customer = world.customer()
    world.peers.profile.hold(customer, "subscriptions/new-tv", SERVICE_TYPE_IPTV, SUBSCRIPTION_STATE_PENDING)
    world.peers.profile.hold(customer, "subscriptions/phone", SERVICE_TYPE_MOBILE)
    decision = await world.decided(customers_affected(customer), customer)
    assert decision.recovery.subscription == "subscriptions/phone"


async def test_a_voucher_needs_no_account(world: World):
    await recovering(world, RecoveryOffer(voucher="FILM-NIGHT"))
    customer = world.customer()
    decision = await world.decided(customers_affected(customer), customer)
    assert decision.recovery == Recovery(voucher="FILM-NIGHT")
    assert decision.message_request.parameters["voucher"] == "FILM-NIGHT"
    assert f"subscriptions of {customer}" not in world.peers.profile.asked


async def test_a_recovery_is_policy_that_holds_from_the_next_decision(world: World):
    made = await recovering(world)
    assert made.recovery == FIVE
    more = Campaign(name=made.name, recovery=RecoveryOffer(credit=money(8), fault_hours=1))
    await world.offers().UpdateCampaign(
        pb.UpdateCampaignRequest(campaign=more, update_mask=FieldMask(paths=["recovery"]))
    )
    customer = viewer(world)
    decision = await world.decided(customers_affected(customer), customer)
    assert decision.recovery.credit == money(8)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"recovery": RecoveryOffer()}, "campaign.recovery"),
        ({"recovery": RecoveryOffer(credit=money(0))}, "campaign.recovery.credit"),
        ({"recovery": RecoveryOffer(credit=money(1, currency="XXX"))}, "campaign.recovery.credit.currency_code"),
        ({"recovery": RecoveryOffer(voucher="a b")}, "campaign.recovery.voucher"),
        ({"recovery": RecoveryOffer(voucher="a", fault_hours=-1)}, "campaign.recovery.fault_hours"),
        ({"recovery": FIVE, "trigger": 1}, "campaign.recovery"),
        ({"recovery": FIVE, "purpose": 3}, "campaign.purpose"),
    ],
)
async def test_a_recovery_that_cannot_be_is_refused_by_name(world: World, fields: dict[str, Any], field: str):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.run_campaign("fault", **{"trigger": TRIGGER_KIND_SERVICE_DEGRADED} | fields)
    error = error_from(refused.value)
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert field in [violation.field for violation in error.field_violations]


async def _entries(world: World, count: int) -> bool:
    return len(world.peers.billing.entries) >= count
