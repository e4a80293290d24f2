"""How does a watcher see every signal once, in the order of commits, across reconnects?"""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.errors import InvalidCursor
from usage_correlation.handlers.ports import Signals

_PREFIX: Final = "1."
"""Says how the rest is to be read, so that it can be changed without confusing those who hold old cursors."""
_PAGE: Final = 500
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
"""As many as a 64-bit integer holds for certain."""


@dataclass(frozen=True, slots=True)
class WatchedSignals:
    """What a watcher is told next."""

    signals: Sequence[Signal]
    cursor: str


def cursor_at(position: int) -> str:
    """The cursor after the signal at a position."""
    return f"{_PREFIX}{position}"


def position_of(cursor: str) -> int:
    """The position that a cursor stands for; raises InvalidCursor."""
    digits = cursor.removeprefix(_PREFIX)
    if digits == cursor or not _DIGITS.fullmatch(digits):
        raise InvalidCursor(cursor)
    return int(digits)


class SignalWatch:
    """Tells watchers of new signals.

    Watchers look, they are not woken: a wake-up over Redis or LISTEN can be lost with its connection, a look can't, and
    it reads one row for all watchers of the process.
    """

    def __init__(self, signals: Signals, poll: timedelta) -> None:
        """Look every `poll` while somebody watches."""
        self._signals = signals
        self._poll_seconds = poll.total_seconds()
        self._looking = asyncio.Lock()
        self._looked = -math.inf
        self._last = 0

    async def watch(self, cursor: str, kinds: Collection[SignalKind]) -> AsyncGenerator[WatchedSignals, None]:
        """Signals after the cursor (empty: from now on), for ever; first of all the cursor that the watch begins at.

        Raises InvalidCursor.
        """
        last = await self._signals.last_position()
        position = position_of(cursor) if cursor else last
        if position > last:
            raise InvalidCursor(cursor)
        yield WatchedSignals((), cursor_at(position))
        while True:
            placed = await self._signals.after(position, _PAGE)
            if placed:
                position = placed[-1].position
                chosen = [each.signal for each in placed if not kinds or each.signal.kind in kinds]
                yield WatchedSignals(chosen, cursor_at(position))
            else:
                await self._beyond(position)

    async def _beyond(self, position: int) -> None:
        """Wait until there is a signal after `position`."""
        while await self._last_position() <= position:  # noqa: ASYNC110 - see the class: looking is the point
            await asyncio.sleep(self._poll_seconds)

    async def _last_position(self) -> int:
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked >= self._poll_seconds:
                self._last = await self._signals.last_position()
                self._looked = now
            return self._last
