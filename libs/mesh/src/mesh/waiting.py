"""How is something waited for, and no longer than so many seconds?"""

import asyncio


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether `event` is or gets set within so many seconds; returns as soon as it is.

    Not by `asyncio.timeout`: before Python 3.11.4 it takes its own time-out for a cancellation in a task in which a
    TaskGroup once failed, and ends the task with it.
    """
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()
    return event.is_set()
