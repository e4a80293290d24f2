"""Which objectives are missed for certain by now, and whose budgets burn too fast?"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from value_network_sla.domain.policing.alert import Alert
from value_network_sla.domain.policing.budget import Budgeting, Tally
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.violation import Violation
from value_network_sla.domain.policing.windows import MINUTE, CalendarWindow, Period
from value_network_sla.handlers.policing.judge_burn import burn_ranges, judge_burn
from value_network_sla.handlers.policing.judge_periods import PeriodPlan, judge_periods, plan_periods
from value_network_sla.handlers.policing.judge_rolling import end_rolling, judge_rolling, rolling_ranges
from value_network_sla.handlers.policing.judging import Judging, excluded_of
from value_network_sla.handlers.policing.ports import (
    Due,
    Judged,
    Mark,
    PolicingTransactions,
    PolicingWork,
    Range,
    Settling,
)

_OBJECTIVES_A_BATCH: Final = 100
MARKS_A_BATCH: Final = 5_000
"""Minutes counted in one transaction: its locks are to be short, and a history that is loaded has many."""
_LOOKS: Final = 500
"""A rolling window is looked at so many times while it passes, for it changes also when nothing comes in."""
_LONGEST_WAIT: Final = timedelta(days=31)
_Named = TypeVar("_Named", Alert, Violation)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What has to be looked up of one objective."""

    due: Due
    objective: Objective
    burn: Sequence[Range]
    periods: PeriodPlan | None
    """None: its window rolls."""
    rolling: Sequence[Range]

    @property
    def ranges(self) -> Sequence[Range]:
        return (*self.burn, *(self.periods.ranges if self.periods else ()), *self.rolling)


class JudgeObjectives:
    """Counts what is new, and judges the objectives that it tells of, and those whose time has come."""

    def __init__(
        self, transactions: PolicingTransactions, settling: Settling, *, marks_a_batch: int = MARKS_A_BATCH
    ) -> None:
        self._transactions = transactions
        self._marks_a_batch = marks_a_batch
        self._settling = settling

    async def run(self) -> int:
        """Judge them; how many."""
        judged = 0
        more = True
        while more:
            done, more = await self._transactions.change(self._batch)
            judged += done
        return judged

    async def _batch(self, work: PolicingWork) -> tuple[int, bool]:
        """How many were judged, and whether there may be more to do at once."""
        due = await work.records.counts.take_due(work.now, _OBJECTIVES_A_BATCH)
        if not due:
            return 0, False
        names = [each.objective for each in due]
        marks = await work.records.counts.take_marks(names, self._marks_a_batch)
        judging = await self._look(work, names, marks)
        if marks:
            within = _span(marks)
            excluded = {(each.name, each.revision): judging.stretches(each, within) for each in judging.book.objectives}
            await work.records.counts.recount(marks, judging.book, excluded)
        if len(marks) >= self._marks_a_batch:
            # There is more to count: a period must not be judged by half of what is known of it.
            await work.records.counts.done([_postponed(judging, each) for each in due])
            return 0, True
        await work.records.counts.done(await _judge_all(judging, due))
        return len(due), len(due) >= _OBJECTIVES_A_BATCH

    async def _look(self, work: PolicingWork, names: Sequence[str], marks: Sequence[Mark]) -> Judging:
        book = await work.records.objectives.book(names)
        since = min([work.now - self._settling.after, *(mark.minute for mark in marks)])
        violations = await work.records.violations.since(names, since, book)
        return Judging(
            work=work,
            book=book,
            excluded=await excluded_of(work.records, book),
            settling=self._settling,
            counted=_minutes(marks),
            violations=_by_objective(violations, lambda it: it.objective.name),
            alerts=_by_objective(await work.records.alerts.open(names), lambda it: it.objective),
        )


async def _judge_all(judging: Judging, due: Sequence[Due]) -> Sequence[Judged]:
    """Judge each; all that has to be looked up for them is looked up at once."""
    plans, judged = [], []
    for each in due:
        objective = judging.book.at(each.objective, judging.work.now)
        if objective is None:
            first = judging.book.revisions(each.objective)[0]
            judged.append(Judged(each.objective, each.judged_until, first.effective_time))
        else:
            plans.append(_plan(judging, each, objective))
    tallies = list(await judging.work.records.counts.tallies([found for plan in plans for found in plan.ranges]))
    for plan in plans:
        count = len(plan.ranges)
        judged.append(await _judge(judging, plan, tallies[:count]))
        del tallies[:count]
    return judged


def _postponed(judging: Judging, due: Due) -> Judged:
    """To be judged again from the first minute on that was counted."""
    first = min(judging.counted.get(due.objective, ()), default=due.judged_until)
    return Judged(due.objective, min(due.judged_until, first), judging.work.now)


def _plan(judging: Judging, due: Due, objective: Objective) -> _Plan:
    burn = burn_ranges(objective, judging.work.now)
    if isinstance(objective.window, CalendarWindow):
        return _Plan(due, objective, burn, plan_periods(judging, objective, due.judged_until), ())
    return _Plan(due, objective, burn, None, rolling_ranges(objective, judging.work.now))


async def _judge(judging: Judging, plan: _Plan, tallies: Sequence[Tally]) -> Judged:
    """One objective: its periods, its alerts, and when to look again."""
    now, objective = judging.work.now, plan.objective
    burning = await judge_burn(judging, objective, tallies[: len(plan.burn)])
    rest = tallies[len(plan.burn) :]
    if plan.periods is not None and isinstance(objective.window, CalendarWindow):
        await judge_periods(judging, plan.periods, rest)
        await end_rolling(judging, objective)
        judged_until = plan.periods.reached
        settled_before = now - judging.settling.after
        again = _next_end(objective, objective.window, settled_before) + judging.settling.after
        if plan.periods.more:
            again = now
    else:
        await judge_rolling(judging, objective, rest)
        judged_until, again = now, now + max(MINUTE, objective.window_length / _LOOKS)
    if burning or any(condition.when_no_data for condition in objective.conditions):
        again = min(again, now + MINUTE)
    return Judged(plan.due.objective, judged_until, min(again, now + _LONGEST_WAIT))


def _next_end(objective: Objective, window: CalendarWindow, moment: datetime) -> datetime:
    """When the period is over or, before, the slice that goes on: it may be the one that was one too many."""
    period_end = window.at(moment).end
    if objective.target.method is Budgeting.OCCURRENCES:
        return period_end
    return min(period_end, objective.slice_of(moment) + objective.slice)


def _span(marks: Collection[Mark]) -> Period:
    minutes = [mark.minute for mark in marks]
    return Period(min(minutes), max(minutes) + MINUTE)


def _minutes(marks: Iterable[Mark]) -> Mapping[str, Sequence[datetime]]:
    found: dict[str, list[datetime]] = {}
    for mark in marks:
        found.setdefault(mark.objective, []).append(mark.minute)
    return found


def _by_objective(each_of: Iterable[_Named], name: Callable[[_Named], str]) -> Mapping[str, Sequence[_Named]]:
    found: dict[str, list[_Named]] = {}
    for each in each_of:
        found.setdefault(name(each), []).append(each)
    return found
