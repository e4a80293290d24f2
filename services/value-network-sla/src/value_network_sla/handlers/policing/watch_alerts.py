"""How does a watcher see every change of an alert once, in the order of commits, across reconnects?"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from value_network_sla.domain.policing.alert import Alert
from value_network_sla.errors import InvalidCursor
from value_network_sla.handlers.policing.ports import AlertLog
from value_network_sla.handlers.viewer import Viewer

_VERSION: Final = "1."
"""Says how the rest of a cursor is to be read."""
_CURSOR: Final = re.compile(r"1\.([0-9]{1,18})")
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class WatchedAlerts:
    """What a watcher is told next."""

    alerts: Sequence[Alert]
    cursor: str


class AlertWatch:
    """Looks for changes every so often; all watchers of a process share a look.

    A wake-up could be lost with its connection. A look can't, and it reads one row.
    """

    def __init__(self, log: AlertLog, poll: timedelta) -> None:
        self._log = log
        self._poll_seconds = poll.total_seconds()
        self._turn = asyncio.Lock()
        self._seen: tuple[float, int] | None = None
        """When somebody last looked, and the last position then."""

    async def watch(self, cursor: str, viewer: Viewer) -> AsyncGenerator[WatchedAlerts, None]:
        """Changes after the cursor (empty: from now on), for ever; first of all where the watch begins.

        What the viewer may not see moves the cursor and nothing else. Raises InvalidCursor.
        """
        last = await self._log.last_position()
        position = _position(cursor, last)
        yield WatchedAlerts((), _cursor(position))
        while True:
            found = await self._log.after(position, _PAGE)
            if found:
                position = found[-1][0]
                shown = [alert for _, alert in found if viewer.sees(alert.partner)]
                yield WatchedAlerts(shown, _cursor(position))
            else:
                await self._wait_beyond(position)

    async def _wait_beyond(self, position: int) -> None:
        while await self._last_position() <= position:  # noqa: ASYNC110 - see the class: looking is the point
            await asyncio.sleep(self._poll_seconds)

    async def _last_position(self) -> int:
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._seen is None or now - self._seen[0] >= self._poll_seconds:
                self._seen = (now, await self._log.last_position())
            return self._seen[1]


def _cursor(position: int) -> str:
    return f"{_VERSION}{position}"


def _position(cursor: str, last: int) -> int:
    if not cursor:
        return last
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[1]) > last:
        raise InvalidCursor(cursor)
    return int(found[1])
