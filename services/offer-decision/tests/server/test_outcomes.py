"""What came of a decision is heard of from the notification service, and told by whoever spoke with the customer."""

import asyncio
import uuid
from datetime import timedelta

import grpc
import pytest
from offer_events import message_state, signal_raised, stamp
from offer_samples import NOW
from offer_world import World

from cxmesh.offer.v1.decision_pb2 import (
    DECISION_OUTCOME_ACCEPTED,
    DECISION_OUTCOME_DECLINED,
    DECISION_OUTCOME_PENDING,
    Decision,
    DecisionOutcome,
)
from cxmesh.offer.v1.offer_decision_service_pb2 import GetDecisionRequest, RecordOutcomeRequest
from mesh.rpc import error_from
from offer_decision.domain.decisions import Outcome
from offer_decision.store.records import records_on

LATER = NOW + timedelta(hours=1)


async def decision(world: World) -> Decision:
    """One that acts."""
    await world.run_campaign()
    ada = world.customer()
    return await world.decided(signal_raised(ada), ada)


async def outcome(world: World, name: str) -> str:
    found = await world.offers().GetDecision(GetDecisionRequest(name=name))
    return DecisionOutcome.Name(found.outcome).removeprefix("DECISION_OUTCOME_")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["QUEUED"], "PENDING"),
        (["DELIVERED"], "DELIVERED"),
        (["DELIVERED", "READ"], "READ"),
        (["READ", "DELIVERED"], "READ"),
        (["FAILED"], "UNDELIVERED"),
        (["SUPPRESSED"], "UNDELIVERED"),
        (["FAILED", "READ"], "READ"),
        (["DELIVERED", "FAILED"], "DELIVERED"),
        (["READ", "FAILED", "SUPPRESSED", "DELIVERED"], "READ"),
    ],
)
async def test_what_became_of_the_message_is_the_outcome(world: World, states: list[str], expected: str):
    made = await decision(world)
    for state in states:
        await world.tell(message_state(made.name, state, LATER))
    one_by_one = await outcome(world, made.name)
    again = await world.decided(signal_raised(other := world.customer()), other)
    await world.tell(*(message_state(again.name, state, LATER) for state in states))

    assert (one_by_one, await outcome(world, again.name)) == (expected, expected)


async def test_an_outcome_is_kept_with_the_time_that_it_tells(world: World):
    made = await decision(world)
    await world.tell(message_state(made.name, "READ", LATER))

    found = await world.offers().GetDecision(GetDecisionRequest(name=made.name))
    assert found.outcome_time == stamp(LATER)
    found.ClearField("outcome_time")
    found.outcome = DECISION_OUTCOME_PENDING
    assert found == made


async def test_news_of_messages_that_nobody_decided_here_change_nothing(world: World):
    made = await decision(world)
    await world.tell(message_state("", "READ"), message_state("decisions/unknown", "READ"))

    assert await outcome(world, made.name) == "PENDING"


async def test_an_answer_is_recorded(world: World):
    made = await decision(world)
    world.clock.advance(timedelta(minutes=5))
    answered = await world.offers().RecordOutcome(
        RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_ACCEPTED)
    )

    assert (answered.outcome, answered.outcome_time) == (DECISION_OUTCOME_ACCEPTED, stamp(world.clock.now()))
    assert await world.offers().GetDecision(GetDecisionRequest(name=made.name)) == answered


async def test_the_same_answer_again_keeps_the_first_time_and_another_replaces_it(world: World):
    made = await decision(world)
    accept = RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_ACCEPTED)
    first = await world.offers().RecordOutcome(accept)
    world.clock.advance(timedelta(minutes=5))

    assert await world.offers().RecordOutcome(accept) == first
    decline = RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_DECLINED)
    assert (await world.offers().RecordOutcome(decline)).outcome == DECISION_OUTCOME_DECLINED


async def test_a_repeated_request_gets_its_first_answer_and_does_not_undo_a_later_one(world: World):
    made = await decision(world)
    accept = RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_ACCEPTED, request_id=str(uuid.uuid4()))
    first = await world.offers().RecordOutcome(accept)
    await world.offers().RecordOutcome(RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_DECLINED))

    assert await world.offers().RecordOutcome(accept) == first
    assert await outcome(world, made.name) == "DECLINED"


@pytest.mark.parametrize("answer", [DECISION_OUTCOME_ACCEPTED, DECISION_OUTCOME_DECLINED])
async def test_news_of_delivery_never_undo_an_answer(world: World, answer):
    made = await decision(world)
    await world.offers().RecordOutcome(RecordOutcomeRequest(name=made.name, outcome=answer))
    for state in ("DELIVERED", "READ", "FAILED"):
        await world.tell(message_state(made.name, state))

    assert await outcome(world, made.name) == DecisionOutcome.Name(answer).removeprefix("DECISION_OUTCOME_")


async def test_answers_at_the_same_time_as_news_of_delivery_are_all_heard(world: World):
    made = await decision(world)
    accept = RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_ACCEPTED)
    await asyncio.gather(
        world.tell(*(message_state(made.name, state) for state in ("DELIVERED", "READ") for _ in range(5))),
        *(world.offers().RecordOutcome(accept) for _ in range(5)),
    )

    assert await outcome(world, made.name) == "ACCEPTED"


async def test_an_answer_that_comes_during_another_waits_for_it(world: World):
    made = await decision(world)
    accept = RecordOutcomeRequest(name=made.name, outcome=DECISION_OUTCOME_ACCEPTED)
    async with world.service.runtime.store.unit_of_work() as uow:
        decisions = records_on(uow.connection).decisions
        decision_id = made.name.removeprefix("decisions/")
        await decisions.lock_outcomes([decision_id])
        waiting = asyncio.ensure_future(world.offers().RecordOutcome(accept))
        await asyncio.sleep(0.1)
        await decisions.save_outcomes({decision_id: (Outcome.ACCEPTED, LATER)})

    assert (await waiting).outcome_time == stamp(LATER)


async def test_silence_has_no_outcome(world: World):
    ada = world.customer()
    silent = await world.decided(signal_raised(ada), ada)
    await world.tell(message_state(silent.name, "READ"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.offers().RecordOutcome(RecordOutcomeRequest(name=silent.name, outcome=DECISION_OUTCOME_ACCEPTED))

    error = error_from(caught.value)
    assert (error.status.name, error.reason, error.domain) == (
        "FAILED_PRECONDITION",
        "ERROR_REASON_NO_MESSAGE",
        "offer.cxmesh",
    )
    assert error.metadata == {"decision": silent.name}
    assert await outcome(world, silent.name) == "UNSPECIFIED"
