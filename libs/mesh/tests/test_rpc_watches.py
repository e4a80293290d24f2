"""Does a stream that would go on for ever end when its server drains, and only then?"""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from mesh.rpc import Identity, IncomingCall, enter_call, until_draining


@pytest.fixture
def draining() -> asyncio.Event:
    """Of the call that the test serves."""
    event = asyncio.Event()
    enter_call(IncomingCall(Identity("service", "operator"), None, event))
    return event


class Watch:
    """Counts, waits after every number, and remembers that it was closed."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.closed = False

    async def numbers(self) -> AsyncGenerator[int, None]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                await asyncio.sleep(self.pause)
        finally:
            self.closed = True


async def test_a_stream_that_ends_by_itself_is_passed_on_whole(draining: asyncio.Event):
    async def three() -> AsyncGenerator[int, None]:
        for number in range(3):
            yield number

    assert [number async for number in until_draining(three())] == [0, 1, 2]


async def test_a_stream_that_waits_ends_at_once_when_the_server_drains(draining: asyncio.Event):
    watch = Watch(pause=3600)
    asyncio.get_running_loop().call_later(0.05, draining.set)
    async with asyncio.timeout(5):
        assert [number async for number in until_draining(watch.numbers())] == [0]
    assert watch.closed


async def test_an_error_of_the_stream_reaches_the_caller(draining: asyncio.Event):
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("no such cursor")

    stream = until_draining(failing())
    assert await anext(stream) == 1
    with pytest.raises(ValueError, match="no such cursor"):
        await anext(stream)


async def test_a_caller_who_goes_away_closes_the_stream(draining: asyncio.Event):
    watch = Watch(pause=0)
    stream = until_draining(watch.numbers())
    assert await anext(stream) == 0
    await stream.aclose()
    assert watch.closed
