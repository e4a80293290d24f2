"""How are batches of a stream worked on side by side, and yet kept and answered one after another?"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Start = Callable[[Request, "asyncio.Future[Answer] | None"], Awaitable[Answer]]
"""Works on a batch, given what comes of the one before: before it keeps anything, it is to wait for that."""


async def in_order(
    requests: AsyncIterator[Request], start: Start[Request, Answer], draining: asyncio.Event, under_way: int
) -> AsyncIterator[Answer]:
    """Answers to the requests, in their order, until the requests end or the server drains.

    `under_way` requests are worked on at once; while there are so many nothing more is read, so that gRPC's flow
    control holds the caller up. A fault ends the stream, after the answers to all requests before it.
    """
    tasks: deque[asyncio.Future[Answer]] = deque()
    last: asyncio.Future[Answer] | None = None
    stopping = asyncio.ensure_future(draining.wait())
    reading: asyncio.Future[Request] | None = asyncio.ensure_future(anext(requests))
    try:
        while reading is not None or tasks:
            waited: set[asyncio.Future[Any]] = {tasks[0]} if tasks else set()
            if reading is not None:
                waited |= {stopping} | ({reading} if len(tasks) < under_way else set())
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            while tasks and tasks[0].done():
                yield tasks.popleft().result()
            if reading is not None and stopping.done():
                await _abandon(reading)
                reading = None
            elif reading is not None and reading.done() and len(tasks) < under_way:
                last, reading = await _next(reading, requests, start, last)
                if last is not None and reading is not None:
                    tasks.append(last)
    finally:
        stopping.cancel()
        if reading is not None:
            await _abandon(reading)
        for task in tasks:
            await _abandon(task)


async def _next(
    reading: "asyncio.Future[Request]",
    requests: AsyncIterator[Request],
    start: Start[Request, Answer],
    before: "asyncio.Future[Answer] | None",
) -> "tuple[asyncio.Future[Answer] | None, asyncio.Future[Request] | None]":
    """What comes of the request that was read, and the reading of the next; (None, None) at the end of the requests."""
    try:
        request = reading.result()
    except StopAsyncIteration:
        return None, None
    return asyncio.ensure_future(start(request, before)), asyncio.ensure_future(anext(requests))


async def _abandon(task: "asyncio.Future[Any]") -> None:
    """Cancel it, and wait until it has ended; what it raises then concerns nobody."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
