"""Is a held bill let go once, with who and why, and are the others told?"""

import asyncio
import uuid
from datetime import timedelta

import grpc
import pytest
from billing_messages import bill_message
from billing_samples import with_amounts

from cxmesh.billing.v1 import bill_check_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from mesh.rpc import error_from


async def held(world) -> bill_check_pb2.BillCheck:
    account = world.account()
    return await world.checked(await world.run(), bill_message(with_amounts(account.right_bill(), day="50")))


def request(check: bill_check_pb2.BillCheck, **fields) -> pb.ReleaseBillRequest:
    usual = {"kind": bill_check_pb2.RELEASE_KIND_OVERRIDDEN, "agent": "agent-7", "reason": "goodwill"}
    return pb.ReleaseBillRequest(name=check.name, **usual | fields)


async def test_it_is_recorded_who_let_it_go_why_and_when(world) -> None:
    check = await held(world)
    world.clock.advance(timedelta(minutes=5))
    released = await world.billing.ReleaseBill(request(check))
    assert released.hold_state == bill_check_pb2.HOLD_STATE_RELEASED
    assert released.verdict == bill_check_pb2.VERDICT_HOLD
    assert released.release.kind == bill_check_pb2.RELEASE_KIND_OVERRIDDEN
    by = (released.release.released_by, released.release.agent, released.release.reason)
    assert by == ("service/operator", "agent-7", "goodwill")
    assert released.release.time.ToDatetime() == world.clock.now().replace(tzinfo=None)
    assert released.findings == check.findings
    assert await world.billing.GetBillCheck(pb.GetBillCheckRequest(name=check.name)) == released


async def test_the_others_are_told_after_they_were_told_of_the_hold(world) -> None:
    check = await held(world)
    released = await world.billing.ReleaseBill(request(check, kind=bill_check_pb2.RELEASE_KIND_CORRECTED))
    told = await world.events(check.bill_run)
    assert [(key, event.DESCRIPTOR.name) for key, event in told] == [
        (check.customer, "BillHeld"),
        (check.customer, "BillReleased"),
    ]
    assert told[1][1].bill_check == released


async def test_the_same_request_again_gets_the_same_answer(world) -> None:
    check, request_id = await held(world), str(uuid.uuid4())
    first = await world.billing.ReleaseBill(request(check, request_id=request_id))
    world.clock.advance(timedelta(minutes=5))
    assert await world.billing.ReleaseBill(request(check, request_id=request_id)) == first
    assert len(await world.events(check.bill_run)) == 2


async def test_the_same_request_id_with_another_body_is_refused(world) -> None:
    check, request_id = await held(world), str(uuid.uuid4())
    await world.billing.ReleaseBill(request(check, request_id=request_id))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.billing.ReleaseBill(request(check, request_id=request_id, reason="another"))
    error = error_from(caught.value)
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_REQUEST_ID_REUSED")


async def test_what_is_not_held_cannot_be_released(world) -> None:
    account, check = world.account(), await held(world)
    right = await world.checked(await world.run(), bill_message(account.right_bill()))
    await world.billing.ReleaseBill(request(check))
    for one, state in ((right, "NOT_HELD"), (check, "RELEASED")):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await world.billing.ReleaseBill(request(one))
        error = error_from(caught.value)
        assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NOT_HELD")
        assert error.metadata == {"bill_check": one.name, "hold_state": state}


async def test_of_many_who_release_at_once_one_does(world) -> None:
    check = await held(world)
    calls = [world.billing.ReleaseBill(request(check, agent=f"agent-{number}")) for number in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, bill_check_pb2.BillCheck) for one in answers) == 1
    assert {one.code() for one in answers if isinstance(one, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.FAILED_PRECONDITION
    }
    assert len(await world.events(check.bill_run)) == 2


async def test_a_released_bill_that_is_checked_again_stays_released(world) -> None:
    account, run = world.account(), await world.run()
    bill = bill_message(with_amounts(account.right_bill(), day="50"))
    check = await world.checked(run, bill)
    released = await world.billing.ReleaseBill(request(check))
    assert await world.checked(run, bill) == released
