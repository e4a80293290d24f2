"""Whose device can do something that they don't use?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rating import Service
from usage_correlation.domain.insights.details import UnusedCapability
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.handlers.insights.ports import ClosedCycle
from usage_correlation.handlers.insights.told import Told, month_of


@dataclass(frozen=True, slots=True)
class UnusedTerms:
    """What makes a capability unused."""

    days: int = 28
    """Without any data."""
    capabilities: tuple[str, ...] = ("lte", "5g-nsa", "5g-sa")
    """Of devices that are made for data; a device with one of them counts."""


class FindUnused:
    """Looks at those who were seen with a device for data so many days ago, and used none since."""

    insight: Final = "unused-capability"

    def __init__(self, told: Told) -> None:
        self._told = told

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each, once a month."""
        subscribers = await self._told.subscribers(cycles)
        found = [
            (closed, _detail(closed), (month_of(closed.cycle),))
            for closed in cycles
            if closed.subscription in subscribers
        ]
        causes = {closed.subscription: closed.cause for closed, _, _ in found}
        signals = await self._told.signals(SignalKind.UNUSED_CAPABILITY, found, subscribers)
        return [replace(each, evidence=(causes[each.subscription],)) for each in signals]


def _detail(closed: ClosedCycle) -> UnusedCapability:
    return UnusedCapability(
        tac=closed.content["tac"],
        model=closed.content["model"],
        capabilities=tuple(closed.content["capabilities"]),
        unused=Service.DATA,
        since_micros=closed.cycle.start_micros,
    )
