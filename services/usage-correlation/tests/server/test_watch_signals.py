"""Can everybody who listens hear each signal once, also across reconnects?"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from usage_acts import signals_of, spend, with_own_policy
from usage_world import World

from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SPEND_THRESHOLD
from cxmesh.usage.v1.usage_service_pb2 import (
    WatchSignalsRequest,
    WatchSignalsResponse,
)
from mesh.rpc import error_from


class Watch:
    """A watcher that remembers its cursor."""

    def __init__(self, world: World, cursor: str = "") -> None:
        self._call = world.stub("service/offer-decision").WatchSignals(WatchSignalsRequest(cursor=cursor))
        self._answers: AsyncIterator[WatchSignalsResponse] = aiter(self._call)
        self.cursor = cursor

    async def next(self) -> list[str]:
        answer = await asyncio.wait_for(anext(self._answers), 5)
        self.cursor = answer.cursor
        return [signal.name for signal in answer.signals]

    async def take(self, count: int) -> list[str]:
        names: list[str] = []
        while len(names) < count:
            names += await self.next()
        return names

    def stop(self) -> None:
        self._call.cancel()


async def test_a_watcher_hears_signals_as_they_are_committed(world: World) -> None:
    name, _ = await with_own_policy(world)
    watch = Watch(world)
    assert await watch.next() == []
    await spend(world, name, 9.0)
    (signal,) = await signals_of(world, name)
    assert await watch.next() == [signal.name]
    watch.stop()


async def test_none_is_missed_or_repeated_across_reconnects(world: World) -> None:
    accounts = [(await with_own_policy(world))[0] for _ in range(12)]
    watch = Watch(world)
    await watch.next()
    heard: list[str] = []
    for name in accounts[:4]:
        await spend(world, name, 9.0)
    heard += await watch.take(2)
    watch.stop()
    for name in accounts[4:8]:
        await spend(world, name, 9.0)
    watch = Watch(world, watch.cursor)
    heard += await watch.take(8 - len(heard))
    watch.stop()
    watch = Watch(world, watch.cursor)
    await asyncio.gather(*(spend(world, name, 9.0) for name in accounts[8:]))
    heard += await watch.take(12 - len(heard))
    watch.stop()
    expected = [signal.name for name in accounts for signal in await signals_of(world, name)]
    assert sorted(heard) == sorted(expected)
    assert heard[:8] == expected[:8]


@pytest.mark.parametrize("cursor", ["nonsense", "1.999999999999999999", "2.1"])
async def test_a_watch_cannot_go_on_from_anywhere_else(world: World, cursor: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await Watch(world, cursor).next()
    error = error_from(refused.value)
    assert (error.status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR")


async def test_a_watch_for_other_kinds_moves_on_in_silence(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await anext(aiter(world.stub().WatchSignals(WatchSignalsRequest(kinds=[0]))))
    assert error_from(refused.value).reason == "ERROR_REASON_INVALID_VALUE"
    name, _ = await with_own_policy(world)
    call = world.stub().WatchSignals(WatchSignalsRequest(kinds=[SIGNAL_KIND_SPEND_THRESHOLD]))
    answers = aiter(call)
    await anext(answers)
    await spend(world, name, 9.0)
    assert len((await asyncio.wait_for(anext(answers), 5)).signals) == 1
    call.cancel()
