"""When is satisfaction measured, and over which time?"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from value_network_sla.domain.satisfaction.measuring import Satisfaction, measure
from value_network_sla.handlers.satisfaction.ports import Kept, Sessions

SPAN: Final = timedelta(days=28)
"""Whole weeks, so that every week day weighs the same."""
AFTER: Final = timedelta(hours=1)
"""How long after a day its experiences are taken to be in."""


async def measure_now(
    kept: Kept, service: str, start_time: datetime, end_time: datetime, now: datetime
) -> Satisfaction:
    """A service's satisfaction in [start, end). Off the event loop: other calls are answered meanwhile."""
    observed = await kept.reports.observed(service, start_time, end_time)
    return await asyncio.to_thread(measure, service, start_time, end_time, observed, now)


class MeasureSatisfaction:
    """Measures each service once a day, over the 28 days that end with it (UTC)."""

    def __init__(self, sessions: Sessions, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._now = now

    async def run(self) -> int:
        """Measure what is due; how many services. One replica at a time does it."""
        now = self._now()
        end = (now - AFTER).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._sessions.writing() as kept:
            if not await kept.satisfactions.claim():
                return 0
            due = await kept.satisfactions.unmeasured(end - SPAN, end)
            measured = [await measure_now(kept, service, end - SPAN, end, now) for service in due]
            await kept.satisfactions.add(measured)
        return len(measured)
