"""When does a stream end that would go on for ever? With the server, at the latest."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from mesh.rpc.identity import current_draining

T = TypeVar("T")


async def until_draining(stream: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """What `stream` yields, until the server of the call that is being served drains.

    A watch that is left running would hold up the drain for its whole grace. Its caller goes on elsewhere, from its
    cursor.
    """
    stopping = asyncio.ensure_future(current_draining().wait())
    try:
        async with aclosing(stream):
            while True:
                following = asyncio.ensure_future(anext(stream))
                try:
                    await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if not following.done():
                        return
                    item = following.result()
                except StopAsyncIteration:
                    return
                finally:
                    if following.cancel():
                        await asyncio.wait({following})
                yield item
    finally:
        stopping.cancel()
