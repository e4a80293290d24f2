"""How does a signal about a bill cycle come to be, the same way for every insight?"""

from collections.abc import Iterable, Mapping, Sequence

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.details import InsightDetail
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.signals import MAX_EVIDENCE, Signal, SignalKind, signal_id
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.insights.ports import ClosedCycle, PastUsage
from usage_correlation.handlers.ports import Clock


class Told:
    """Makes signals, with the newest records of the cycle as their evidence."""

    def __init__(self, directory: Directory, usage: PastUsage, clock: Clock) -> None:
        self._directory = directory
        self._usage = usage
        self._clock = clock

    async def subscribers(self, cycles: Iterable[ClosedCycle]) -> Mapping[str, Subscriber]:
        """Those that are still known, by id."""
        await self._directory.catch_up()
        found = await self._directory.subscribers([each.subscription for each in cycles])
        return {each: subscriber for each, subscriber in found.items() if isinstance(subscriber, Subscriber)}

    async def signals(
        self,
        kind: SignalKind,
        found: Sequence[tuple[ClosedCycle, InsightDetail, tuple[str | int, ...]]],
        subscribers: Mapping[str, Subscriber],
        event_micros: Sequence[int] | None = None,
    ) -> list[Signal]:
        """A signal for each of what was found: the cycle, what to say, and what tells it from others of its kind.

        It happened at `event_micros`, or when the cycle was over.
        """
        if not found:
            return []
        evidence = await self._usage.newest_records([cycle for cycle, _, _ in found], MAX_EVIDENCE)
        now = self._clock.now()
        moments = event_micros or [cycle.cycle.end_micros for cycle, _, _ in found]
        return [
            Signal(
                id=signal_id(kind, closed.subscription, *what),
                kind=kind,
                subscription=closed.subscription,
                customer=subscribers[closed.subscription].subscription.customer,
                event_time=from_micros(moment),
                arrive_time=now,
                create_time=now,
                evidence=tuple(records),
                detail=detail,
            )
            for (closed, detail, what), records, moment in zip(found, evidence, moments, strict=True)
        ]


def month_of(cycle: BillCycle) -> int:
    """Months since year 0 of the day on which the cycle was over: what periods are counted by."""
    return cycle.end.year * 12 + cycle.end.month - 1
