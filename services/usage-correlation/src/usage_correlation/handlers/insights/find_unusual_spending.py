"""Who has spent far more in the bill cycle under way than what is usual for them?"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from usage_correlation.domain.amounts import NANOS, nearest_nanos
from usage_correlation.domain.insights.details import UnusualSpend
from usage_correlation.domain.insights.spending import UnusualTerms, Usual, is_unusual, usual
from usage_correlation.domain.shards import SHARDS
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.insights.ports import OpenCycle, OpenCycles
from usage_correlation.handlers.insights.told import Told
from usage_correlation.handlers.ports import Clock

_PAGE: Final = 500
_PAGES_A_SHARD: Final = 20


class FindUnusualSpending:
    """A job: compares cycles under way with complete ones of the same subscription; once a cycle and currency."""

    def __init__(self, open_cycles: OpenCycles, told: Told, clock: Clock, terms: UnusualTerms) -> None:
        self._open_cycles = open_cycles
        self._told = told
        self._clock = clock
        self._terms = terms

    async def __call__(self) -> int:
        """How many signals were raised that were new."""
        now = self._clock.now()
        raised = 0
        for shard in range(SHARDS):
            after = 0
            for _ in range(_PAGES_A_SHARD):
                async with self._open_cycles.page(shard, now, after, _PAGE) as (cycles, page):
                    raised += await page.raise_signals(await self._signals(cycles))
                if len(cycles) < _PAGE:
                    break
                after = cycles[-1].at.key
        return raised

    async def _signals(self, cycles: Sequence[OpenCycle]) -> Sequence[Signal]:
        if not cycles:
            return []
        subscribers = await self._told.subscribers([each.at for each in cycles])
        found, moments = [], []
        for each in cycles:
            subscriber = subscribers.get(each.at.subscription)
            known = None if subscriber is None else usual(_complete(each, subscriber), self._terms)
            if known is not None and is_unusual(each.spent, known, self._terms):
                found.append((each.at, _detail(each, known), (each.currency, each.at.cycle.start_micros)))
                moments.append(each.latest_micros)
        return await self._told.signals(SignalKind.UNUSUAL_SPEND, found, subscribers, moments)


def _complete(each: OpenCycle, subscriber: Subscriber) -> list[Fraction]:
    """What was spent in cycles through all of which the subscription was active."""
    since = subscriber.subscription.activate_micros
    return [amount for start, amount in each.past if start >= since]


def _detail(each: OpenCycle, known: Usual) -> UnusualSpend:
    return UnusualSpend(
        cycle=each.at.cycle,
        spent_nanos=nearest_nanos(each.spent),
        usual_nanos=nearest_nanos(known.mean),
        deviation_nanos=round(known.deviation * NANOS),
        cycles=known.cycles,
        currency=each.currency,
    )
