"""Is a whole run streamed through, with answers that say how far it is durable?"""

from collections.abc import AsyncIterator, Sequence

import grpc
import pytest
from billing_messages import bill_message
from billing_samples import with_amounts

from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1 import bill_run_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import error_from

BATCHES = 8


def part(run: str, position: int, *bills: bill_pb2.Bill, stream: str = "file-1") -> pb.StreamBillsRequest:
    return pb.StreamBillsRequest(bill_run=run, stream_id=stream, position=position, bills=bills)


async def streamed(
    world, *parts: pb.StreamBillsRequest, noted: list[int] | None = None
) -> list[pb.StreamBillsResponse]:
    """The answers; their positions are noted as they come."""

    async def sent() -> AsyncIterator[pb.StreamBillsRequest]:
        for one in parts:
            yield one

    answers = []
    async for answer in world.runs.StreamBills(sent()):
        answers.append(answer)
        if noted is not None:
            noted.append(answer.position)
    return answers


async def progress(world, run: str) -> pb.BillRunProgress:
    return await world.runs.GetBillRunProgress(pb.GetBillRunProgressRequest(name=f"{run}/progress"))


def bills_of(world, count: int, prefix: str, **amounts: str) -> list[bill_pb2.Bill]:
    bills = [with_amounts(world.account().right_bill(), **amounts) for _ in range(count)]
    return [bill_message(bill, f"{prefix}-{number}") for number, bill in enumerate(bills)]


async def test_each_batch_is_answered_in_its_order_with_its_verdicts(world) -> None:
    run = await world.run()
    right, wrong = bills_of(world, 2, "right"), bills_of(world, 2, "wrong", day="50")
    answers = await streamed(
        world, part(run, 2, *right), part(run, 3, wrong[0], bill_pb2.Bill(name="bills/odd")), part(run, 9, wrong[1])
    )
    assert [(one.position, one.passed_count, len(one.held), len(one.rejections)) for one in answers] == [
        (2, 2, 0, 0),
        (3, 0, 1, 1),
        (9, 0, 1, 0),
    ]
    assert answers[1].held[0].bill_check == f"billChecks/{run[9:]}.wrong-0"
    assert (answers[1].held[0].index, answers[1].rejections[0].index) == (0, 1)


async def test_progress_tells_what_was_checked_and_how_far_each_stream_is(world) -> None:
    run = await world.run()
    assert (await progress(world, run)).checked_count == 0
    assert not (await progress(world, run)).HasField("first_check_time")
    await streamed(world, part(run, 2, *bills_of(world, 2, "a")), part(run, 40))
    await streamed(world, part(run, 1, *bills_of(world, 1, "b"), bill_pb2.Bill(), stream="file-2"))
    found = await progress(world, run)
    assert (found.checked_count, found.rejected_count) == (3, 1)
    assert (found.line_count, found.record_count) == (12, 21)
    assert [(one.stream_id, one.position) for one in found.streams] == [("file-1", 40), ("file-2", 1)]
    assert found.last_check_time.ToDatetime() == world.clock.now().replace(tzinfo=None)


async def test_what_is_sent_again_is_not_checked_again_and_a_stream_never_goes_back(world) -> None:
    run, bills = await world.run(), bills_of(world, 4, "b", day="50")
    first = await streamed(world, part(run, 2, *bills[:2]), part(run, 4, *bills[2:]))
    world.peers.usage.asked.clear()
    again = await streamed(world, part(run, 2, *bills[:2]))
    assert again == first[:1]
    assert world.peers.usage.asked == []
    found = await progress(world, run)
    assert (found.checked_count, found.streams[0].position) == (4, 4)


async def test_a_fault_ends_the_stream_after_the_answers_before_it(world) -> None:
    run, bills = await world.run(), bills_of(world, 3, "b")
    answers: list[int] = []
    parts = part(run, 2, bills[0]), part(run, 2, bills[1]), part(run, 3, bills[2])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await streamed(world, *parts, noted=answers)
    assert answers == [2]
    error = error_from(caught.value)
    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE")
    assert "a position after the last one, 2" in error.message
    assert (await progress(world, run)).checked_count == 1


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([pb.StreamBillsRequest(stream_id="s", position=1)], grpc.StatusCode.INVALID_ARGUMENT),
        ([pb.StreamBillsRequest(bill_run="billRuns/x", position=1)], grpc.StatusCode.INVALID_ARGUMENT),
        ([part("billRuns/none", 1)], grpc.StatusCode.NOT_FOUND),
        ([part("billRuns/x", -1)], grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["no run", "no stream", "a run that is not there", "a position below zero"],
)
async def test_a_stream_that_cannot_be_is_refused(
    world, parts: Sequence[pb.StreamBillsRequest], code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await streamed(world, *parts)
    assert caught.value.code() is code


async def test_a_stream_stays_with_its_run(world) -> None:
    run, other = await world.run(), await world.run()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await streamed(world, part(run, 1), part(other, 2))
    assert f"{run[9:]}, as the stream began" in error_from(caught.value).message


async def test_while_a_peer_is_down_nothing_is_durable_and_the_caller_goes_on_later(world) -> None:
    run, bills = await world.run(), bills_of(world, 2, "b")
    await streamed(world, part(run, 1, bills[0]))
    world.peers.usage.down = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await streamed(world, part(run, 2, bills[1]))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (await progress(world, run)).streams[0].position == 1
    world.peers.usage.down = False
    await streamed(world, part(run, 2, bills[1]))
    assert (await progress(world, run)).checked_count == 2


async def test_rejected_bills_are_listed_until_they_are_checked(world) -> None:
    run, account = await world.run(), world.account()
    stranger = bill_message(account.right_bill(), "b-1")
    stranger.subscription = "subscriptions/none"
    nameless = bill_pb2.Bill()
    await streamed(world, part(run, 1, stranger, nameless, bill_pb2.Bill(name="x" * 300)))
    await streamed(world, part(run, 2, stranger, nameless))
    listed = await rejected(world, run)
    assert [(one.name[:12], ErrorReason.Name(one.reason)[13:]) for one in listed] == [
        ("bills/b-1", "SUBSCRIPTION_NOT_FOUND"),
        ("without a na", "INVALID_BILL"),
        ("x" * 12, "INVALID_BILL"),
    ]
    assert (listed[0].field, listed[0].description) == ("subscription", "there is no subscriptions/none")
    await world.check(run, bill_message(account.right_bill(), "b-1"))
    assert [one.name[:12] for one in await rejected(world, run)] == ["without a na", "x" * 12]


async def rejected(world, run: str) -> list[pb.RejectedBill]:
    found, token = [], ""
    while True:
        answer = await world.runs.ListRejectedBills(
            pb.ListRejectedBillsRequest(parent=run, page_size=1, page_token=token)
        )
        found += answer.rejected_bills
        token = answer.next_page_token
        if not token:
            return found


async def test_partners_may_call_nothing(world) -> None:
    stub = type(world.runs)(world.service.channel("partner/acme"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetBillRunProgress(pb.GetBillRunProgressRequest(name="billRuns/x/progress"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
