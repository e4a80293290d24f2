"""Does a stream answer how far it is durable, hold its caller up, and lose nothing when either side ends it?"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence

import grpc
import pytest
from usage_acts import lines, summary
from usage_samples import fresh, usage_record
from usage_world import World

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageResponse, StreamUsageRequest, StreamUsageResponse
from mesh.rpc import error_from
from usage_correlation.errors import InvalidValue
from usage_correlation.server.stream_calls import UNDER_WAY, stream


def batch(position: int, *records: UsageRecord) -> StreamUsageRequest:
    return StreamUsageRequest(position=position, records=records)


async def sent(batches: Sequence[StreamUsageRequest]) -> AsyncIterator[StreamUsageRequest]:
    for each in batches:
        yield each


class Slow:
    """Records batches when told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}

    async def __call__(self, request: StreamUsageRequest) -> RecordUsageResponse:
        self.begun.append(request.position)
        await self.gates.setdefault(request.position, asyncio.Event()).wait()
        return RecordUsageResponse(accepted_count=1)

    def finish(self, *positions: int) -> None:
        for position in positions:
            self.gates.setdefault(position, asyncio.Event()).set()


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never became so")


async def followed(answers: AsyncIterator[StreamUsageResponse], positions: list[int]) -> None:
    async for answer in answers:
        positions.append(answer.position)  # noqa: PERF401 - those before a fault are to stay


async def test_answers_come_in_the_order_of_positions_whichever_batch_is_durable_first() -> None:
    record, answers = Slow(), list[int]()

    async def follow() -> None:
        async for answer in stream(sent([batch(n) for n in (10, 20, 30)]), record, asyncio.Event()):
            answers.append(answer.position)

    following = asyncio.create_task(follow())
    await soon(lambda: record.begun == [10, 20, 30])
    record.finish(30, 20)
    await asyncio.sleep(0.01)
    assert answers == []
    record.finish(10)
    await following
    assert answers[-1] == 30
    assert answers == sorted(answers)


async def test_no_more_than_so_many_batches_are_read_before_they_are_durable() -> None:
    record = Slow()
    pulled = list[int]()

    async def endless() -> AsyncIterator[StreamUsageRequest]:
        for position in itertools.count():
            pulled.append(position)
            yield batch(position)

    answers = stream(endless(), record, asyncio.Event())
    first = asyncio.ensure_future(anext(answers))
    await soon(lambda: len(record.begun) == UNDER_WAY)
    await asyncio.sleep(0.01)
    assert len(record.begun) == UNDER_WAY
    assert len(pulled) <= UNDER_WAY + 1
    record.finish(0)
    assert (await first).position == 0
    record.finish(*range(1, 100))
    await answers.aclose()


async def test_a_server_that_drains_answers_what_is_under_way_and_ends_well() -> None:
    record, draining, answers = Slow(), asyncio.Event(), list[int]()

    async def waits_for_ever() -> AsyncIterator[StreamUsageRequest]:
        yield batch(1)
        yield batch(2)
        await asyncio.Event().wait()

    async def follow() -> None:
        async for answer in stream(waits_for_ever(), record, draining):
            answers.append(answer.position)

    following = asyncio.create_task(follow())
    await soon(lambda: record.begun == [1, 2])
    draining.set()
    await asyncio.sleep(0.01)
    record.finish(1, 2)
    await asyncio.wait_for(following, 1)
    assert answers[-1] == 2


async def test_what_is_durable_is_answered_before_a_fault_ends_the_stream() -> None:
    async def record(request: StreamUsageRequest) -> RecordUsageResponse:
        if request.position == 2:
            raise InvalidValue("records", "x", "something else")
        return RecordUsageResponse(accepted_count=1)

    answers = list[int]()
    with pytest.raises(InvalidValue):
        await followed(stream(sent([batch(1), batch(2), batch(3)]), record, asyncio.Event()), answers)
    assert answers == [1]


async def test_a_position_that_does_not_rise_ends_the_stream() -> None:
    record, answers = Slow(), list[int]()
    record.finish(5)
    with pytest.raises(InvalidValue, match="a position after the last one, 5"):
        await followed(stream(sent([batch(5), batch(5)]), record, asyncio.Event()), answers)
    assert answers == [5]


async def answers_to(
    world: World, *batches: StreamUsageRequest, as_: str = "service/operator"
) -> list[StreamUsageResponse]:
    return [answer async for answer in world.stub(as_).StreamUsage(sent(batches), timeout=10)]


async def test_batches_are_stored_and_what_is_refused_is_named_with_its_batch(world: World) -> None:
    name = world.profile.hold()
    known = usage_record(name)
    broken = usage_record(name, source="")
    answers = await answers_to(world, batch(100, known), batch(200, known, broken, usage_record(name)), batch(300))
    assert answers[-1].position == 300
    assert sum(answer.accepted_count for answer in answers) == 2
    assert sum(answer.duplicate_count for answer in answers) == 1
    (refused,) = [rejection for answer in answers for rejection in answer.rejections]
    assert (refused.position, refused.rejection.index, refused.rejection.field) == (200, 1, "source")
    assert lines(await summary(world, name))["voice.day"][0] == 2


async def test_a_stream_that_begins_again_from_its_last_answer_doubles_nothing(world: World) -> None:
    name = world.profile.hold()
    records = [usage_record(name, number) for number in range(40)]
    batches = [batch(first + 10, *records[first : first + 10]) for first in range(0, 40, 10)]
    call = world.stub().StreamUsage(sent(batches), timeout=10)
    last = (await anext(aiter(call))).position
    call.cancel()
    rest = await answers_to(world, *batches[last // 10 :], batch(41))
    assert rest[-1].position == 41
    assert lines(await summary(world, name))["voice.day"][:2] == (40, sum(range(40)))


async def test_a_partner_streams_in_its_own_name_alone(world: World) -> None:
    name = world.profile.hold()
    mine = usage_record(name, source="acme:msc-1", record_id=fresh("r"))
    assert (await answers_to(world, batch(1, mine), as_="partner/acme"))[-1].accepted_count == 1
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answers_to(world, batch(1, mine), batch(2, usage_record(name)), as_="partner/acme")
    error = error_from(refused.value)
    assert error.status is grpc.StatusCode.PERMISSION_DENIED
    assert error.metadata["method"].endswith("/StreamUsage")


async def test_more_records_than_a_batch_holds_are_refused(world: World) -> None:
    name = world.profile.hold()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answers_to(world, batch(1, *[usage_record(name)] * 1001))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
