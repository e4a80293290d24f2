"""Who has fallen silent?"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from usage_correlation.domain.insights.details import Silence
from usage_correlation.domain.insights.silence import SilenceTerms, used_days
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.insights.ports import ClosedCycle, PastUsage
from usage_correlation.handlers.insights.told import Told

_DAY_MICROS: Final = 86_400 * MICROS


class FindSilence:
    """Looks at those whose last usage was so many days ago; a cycle here ends with that usage."""

    insight: Final = "silence"

    def __init__(self, usage: PastUsage, told: Told, terms: SilenceTerms) -> None:
        self._usage = usage
        self._told = told
        self._terms = terms

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each who had usage on most days before, once for each silence."""
        subscribers = await self._told.subscribers(cycles)
        known = [each for each in cycles if each.subscription in subscribers]
        if not known:
            return []
        used = await self._used_days(known, subscribers)
        found = [
            (closed, self._detail(closed, days), (closed.cycle.end_micros,))
            for closed, days in zip(known, used, strict=True)
            if days >= self._terms.used_days
        ]
        moments = [closed.cycle.end_micros + self._terms.silent_days * _DAY_MICROS for closed, _, _ in found]
        return await self._told.signals(SignalKind.SILENCE, found, subscribers, moments)

    async def _used_days(self, cycles: Sequence[ClosedCycle], subscribers: Mapping[str, Subscriber]) -> list[int]:
        """On how many days each was heard of; the records of all are read at once."""
        names = [each.subscription for each in cycles]
        first = min(each.cycle.start_micros for each in cycles)
        last = max(each.cycle.end_micros for each in cycles)
        columns, owners = await self._usage.columns(names, (first, last))
        owner = np.array(owners, np.int64)
        days = []
        for number, each in enumerate(cycles):
            starts = columns.start[owner == number]
            starts = starts[starts * MICROS >= each.cycle.start_micros]
            days.append(used_days(starts, subscribers[each.subscription].subscription.zone))
        return days

    def _detail(self, closed: ClosedCycle, days: int) -> Silence:
        return Silence(closed.cycle.end_micros - 1, self._terms.silent_days, self._terms.observed_days, days)
