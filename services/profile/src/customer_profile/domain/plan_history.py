"""Which plan was in force when?

Only the starts are kept, so that gaps and overlaps cannot be said: a period ends where the next one starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from customer_profile.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class PlanStart:
    """From `start` on, this plan."""

    plan: str
    start: datetime


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan and the time in which it was in force; `end` is exclusive and None while nothing ends it."""

    plan: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """The plans since activation, oldest first, and until when: None unless the subscription was terminated."""

    starts: tuple[PlanStart, ...]
    end: datetime | None = None

    @classmethod
    def since(cls, activate_time: datetime, plan: str) -> Self:
        """One plan from activation on."""
        return cls((PlanStart(plan, activate_time),))

    @property
    def activate_time(self) -> datetime:
        """Where it begins."""
        return self.starts[0].start

    def at(self, moment: datetime) -> str:
        """The plan in force at `moment`; before activation the first, after the end the last."""
        started = (each.plan for each in reversed(self.starts) if each.start <= moment)
        return next(started, self.starts[0].plan)

    def periods(self) -> tuple[PlanPeriod, ...]:
        """The history as periods without gaps; none for a subscription that ended before it was activated."""
        ends: Sequence[datetime | None] = [*(each.start for each in self.starts[1:]), self.end]
        periods = (PlanPeriod(each.plan, each.start, end) for each, end in zip(self.starts, ends, strict=True))
        return tuple(period for period in periods if period.start != period.end)

    def changed(self, plan: str, start: datetime) -> "PlanHistory":
        """`plan` from `start` on, whatever was to come after `start`, past or planned, is replaced.

        Raises InvalidValue when `start` lies before activation or not before the end.
        """
        if start < self.activate_time:
            expected = f"a time not before activation, {self.activate_time.isoformat()}"
            raise InvalidValue("plan_start_time", expected, value=start.isoformat())
        if self.end is not None and start >= self.end:
            expected = f"a time before the subscription was terminated, {self.end.isoformat()}"
            raise InvalidValue("plan_start_time", expected, value=start.isoformat())
        return replace(self, starts=_joined([*self._before(start), PlanStart(plan, start)]))

    def activated(self, moment: datetime) -> "PlanHistory":
        """The history when activation turns out to have been at `moment`: the plan in force then begins there."""
        if self.end is not None and moment > self.end:
            expected = f"a time not after the subscription was terminated, {self.end.isoformat()}"
            raise InvalidValue("subscription.activate_time", expected, value=moment.isoformat())
        later = [each for each in self.starts if each.start > moment]
        if len(later) == len(self.starts):
            later = later[1:]  # the first plan is drawn back to the earlier activation
        return replace(self, starts=_joined([PlanStart(self.at(moment), moment), *later]))

    def ended(self, moment: datetime) -> "PlanHistory":
        """The history of a subscription that ends at `moment`: what was planned for later is dropped."""
        starts = self._before(moment) or list(self.starts[:1])
        return PlanHistory(tuple(starts), max(moment, self.activate_time))

    def _before(self, moment: datetime) -> list[PlanStart]:
        return [each for each in self.starts if each.start < moment]


def _joined(starts: list[PlanStart]) -> tuple[PlanStart, ...]:
    """Without starts of the plan that is in force already."""
    return tuple(each for number, each in enumerate(starts) if number == 0 or each.plan != starts[number - 1].plan)
