"""Who uses what is new before others do?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from usage_correlation.domain.insights.adoption import AdoptionTerms, is_early, is_new
from usage_correlation.domain.insights.details import EarlyAdoption
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.handlers.insights.ports import ClosedCycle, PastUsage, UsedLine
from usage_correlation.handlers.insights.told import Told
from usage_correlation.handlers.ports import Clock

_BELIEVED_FOR: Final = timedelta(hours=1)
_ACTIVE_FOR: Final = timedelta(days=62)


class FindAdopters:
    """Looks at bill lines that are new, and at who used them first."""

    insight: Final = "early-adopter"

    def __init__(self, usage: PastUsage, told: Told, clock: Clock, terms: AdoptionTerms) -> None:
        self._usage = usage
        self._told = told
        self._clock = clock
        self._terms = terms
        self._early: dict[str, UsedLine] = {}
        self._active = 0
        self._known_until: datetime | None = None

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each early adopter, once for each line."""
        await self._learn()
        if not self._early:
            return []
        used = await self._usage.first_used(cycles, sorted(self._early))
        found = [
            (closed, self._detail(closed, self._early[line]), (line,))
            for closed, lines in zip(cycles, used, strict=True)
            for line in lines
        ]
        subscribers = await self._told.subscribers([closed for closed, _, _ in found])
        known = [each for each in found if each[0].subscription in subscribers]
        return await self._told.signals(SignalKind.EARLY_ADOPTER, known, subscribers)

    async def _learn(self) -> None:
        """Which lines are new and used by few; that is the same for thousands of subscriptions."""
        now = self._clock.now()
        if self._known_until is not None and now < self._known_until:
            return
        lines = await self._usage.lines()
        self._active = await self._usage.active_subscriptions(now - _ACTIVE_FOR)
        self._known_until = now + _BELIEVED_FOR
        history = lines[0].since_micros if lines else 0
        self._early = {
            each.line: each
            for each in lines
            if is_new(history, each.since_micros, to_micros(now), self._terms)
            and is_early(each.adopters, self._active, self._terms)
        }

    def _detail(self, closed: ClosedCycle, line: UsedLine) -> EarlyAdoption:
        return EarlyAdoption(
            charge_code=line.line,
            available_since_micros=line.since_micros,
            adopt_micros=closed.cycle.start_micros,
            adopters_share=line.adopters / self._active,
        )
