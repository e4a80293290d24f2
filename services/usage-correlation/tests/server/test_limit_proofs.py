"""Is it kept what became of each notice, also when it could not be delivered?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from limit_acts import EU, events_of, kinds, limit_of, roam, state, traveller
from sqlalchemy import text
from usage_acts import signals_of
from usage_world import World

from cxmesh.notification.v1.events_pb2 import MessageStateChanged
from cxmesh.notification.v1.message_pb2 import MessageState
from cxmesh.offer.v1.decision_pb2 import Decision, Reason, Trigger
from cxmesh.offer.v1.events_pb2 import DecisionMade
from cxmesh.profile.v1.customer_pb2 import CHANNEL_EMAIL, CHANNEL_UNSPECIFIED
from cxmesh.usage.v1.limit_state_pb2 import LimitEvent
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SPENDING_LIMIT, Signal

PATIENCE_SECONDS = 10.0


async def stopped(world: World) -> tuple[str, Signal]:
    """A subscription that is stopped, and the signal that told of it."""
    name = traveller(world)
    await roam(world, name, 30)
    (signal,) = [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPENDING_LIMIT]
    return name, signal


async def tell(world: World, *events: Any) -> None:
    """As the other services do, through the streams; and wait until it is handled. Any: events of several types."""
    before = await _handled(world)
    async with world.service.runtime.store.unit_of_work() as uow:
        for event in events:
            uow.publish(event, key="c")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _handled(world) < before + len(events):
            await asyncio.sleep(0.01)


async def _handled(world: World) -> int:
    async with world.service.runtime.store.reading() as connection:
        count: int = (await connection.execute(text("SELECT count(*) FROM usage.inbox"))).scalar_one()
        return count


def message(world: World, signal: str, state: str, **fields: Any) -> MessageStateChanged:
    usual: dict[str, Any] = {
        "message": "customers/c/messages/m-1",
        "decision": "decisions/d-1",
        "state": MessageState.Value(f"MESSAGE_STATE_{state}"),
        "channel": CHANNEL_EMAIL,
        "trigger": signal,
    }
    event = MessageStateChanged(**usual | fields)
    event.time.FromDatetime(world.clock.now() + timedelta(seconds=2))
    return event


def silence(world: World, signal: str) -> DecisionMade:
    decision = Decision(
        name="decisions/d-1",
        trigger=Trigger(resource=signal),
        verdict=Decision.VERDICT_STAY_SILENT,
        reasons=[Reason(code="silence.unknown_customer", text="the profile does not know the customer")],
    )
    decision.create_time.FromDatetime(world.clock.now())
    return DecisionMade(decision=decision)


async def proofs(world: World, name: str) -> list[LimitEvent]:
    return [each for each in await events_of(world, name) if each.message or each.failure]


async def test_delivery_is_kept_as_proof_of_the_notice(world: World) -> None:
    name, signal = await stopped(world)
    queued = message(world, signal.name, "QUEUED", channel=CHANNEL_UNSPECIFIED)
    await tell(world, queued, message(world, signal.name, "DELIVERED"), message(world, signal.name, "READ"))
    events = await events_of(world, name, EU)
    assert kinds(events) == ["STOPPED", "MESSAGE_QUEUED", "MESSAGE_DELIVERED", "MESSAGE_READ"]
    assert {event.signal for event in events} == {signal.name}
    delivered = events[2]
    assert (delivered.message, delivered.decision) == ("customers/c/messages/m-1", "decisions/d-1")
    assert (delivered.message_channel, delivered.event_time) == (CHANNEL_EMAIL, message(world, "", "READ").time)
    assert delivered.period_start_time == events[0].period_start_time


@pytest.mark.parametrize(
    ("state_told", "kind", "failure"),
    [("FAILED", "MESSAGE_FAILED", "SMTP 550 no such mailbox"), ("SUPPRESSED", "MESSAGE_NOT_SENT", "not sent")],
)
async def test_the_stop_holds_without_the_notice_and_the_record_says_why(
    world: World, state_told: str, kind: str, failure: str
) -> None:
    name, signal = await stopped(world)
    error = failure if state_told == "FAILED" else ""
    await tell(world, message(world, signal.name, state_told, error=error, channel=CHANNEL_UNSPECIFIED))
    (proof,) = await proofs(world, name)
    assert (kinds([proof]), failure in proof.failure) == ([kind], True)
    assert state(await limit_of(world, name)) == "STOPPED"


async def test_a_decision_to_stay_silent_is_kept_with_its_reason(world: World) -> None:
    name, signal = await stopped(world)
    await tell(world, silence(world, signal.name))
    (proof,) = await proofs(world, name)
    assert kinds([proof]) == ["MESSAGE_NOT_SENT"]
    assert proof.failure == "silence.unknown_customer: the profile does not know the customer"
    assert state(await limit_of(world, name)) == "STOPPED"


async def test_messages_about_anything_else_leave_no_trace(world: World) -> None:
    name, _ = await stopped(world)
    other = "signals/" + "0" * 32
    before = len(await events_of(world, name))
    await tell(
        world,
        message(world, other, "DELIVERED"),
        message(world, "", "DELIVERED"),
        message(world, "billChecks/b", "DELIVERED"),
        silence(world, "breaches/b"),
    )
    assert len(await events_of(world, name)) == before
