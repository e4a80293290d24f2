"""How is every bill cycle looked at once, when it is over, whatever happens on the way?

Every insight goes over the 64 shards on its own, page by page. A page is one transaction: its signals are kept together
with how far the work has come, so a process that dies leaves off where another goes on, and nothing is raised twice.
Replicas share the work: a shard that one is busy with, another leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.insights.ports import ClosedCycle, Rounds
from usage_correlation.handlers.ports import Clock


class Finder(Protocol):
    """Looks at bill cycles that are over."""

    @property
    def insight(self) -> str:
        """What the progress is kept under."""

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """What should be raised about them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much work is done in one go."""

    lateness: timedelta
    """How long after its end a cycle is looked at, for the sake of records that come late."""
    page: int = 500
    """Cycles in a transaction."""
    pages_a_run: int = 200
    """A run ends after so many, and the next one goes on."""


class LookAtClosedCycles:
    """A job: gives cycles that are over to a finder, and raises what it finds."""

    def __init__(self, finder: Finder, rounds: Rounds, clock: Clock, pace: Pace) -> None:
        self._finder = finder
        self._rounds = rounds
        self._clock = clock
        self._pace = pace

    async def __call__(self) -> int:
        """How many signals were raised that were new."""
        target = self._clock.now() - self._pace.lateness
        raised, pages = 0, self._pace.pages_a_run
        for shard in await self._rounds.due(self._finder.insight, target):
            while pages > 0:
                pages -= 1
                found = await self._page(shard, target)
                if found is None:
                    break
                raised += found
        return raised

    async def _page(self, shard: int, target: datetime) -> int | None:
        """How many signals a page raised; None when the shard has none."""
        async with self._rounds.page(self._finder.insight, shard, target, self._pace.page) as page:
            if page is None:
                return None
            return await page.raise_signals(await self._finder(page.cycles)) if page.cycles else 0
