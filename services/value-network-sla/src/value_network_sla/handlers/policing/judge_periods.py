"""Which periods of an objective are missed for certain, and which are not after all?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from value_network_sla.domain.policing.budget import Tally
from value_network_sla.domain.policing.certainty import PeriodState, is_certain, is_missed
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.violation import Violation, violation_name
from value_network_sla.domain.policing.windows import CalendarWindow, Period, floor_minute
from value_network_sla.handlers.policing.judging import Judging
from value_network_sla.handlers.policing.ports import Range

_MOST_PERIODS: Final = 40
"""Judged at once; a history that is loaded has more of them, which are judged next."""


@dataclass(frozen=True, slots=True)
class PeriodPlan:
    """The periods of an objective that are to be judged."""

    periods: Sequence[Range]
    ranges: Sequence[Range]
    """What has to be looked up of them: three stretches each."""
    reached: datetime
    """End of the last period that is over and judged then."""
    more: bool
    """Whether there are more of them than are judged at once."""


def plan_periods(judging: Judging, objective: Objective, judged_until: datetime) -> PeriodPlan:
    """The periods that are new or were counted anew, those that were missed so far, and the one that goes on."""
    now, name = judging.work.now, objective.name
    settled_before = now - judging.settling.after
    ended, reached = _ended(judging, name, judged_until, settled_before)
    touched = [_range_at(judging, name, minute) for minute in (*judging.counted.get(name, ()), now)]
    # Those that were counted under another revision before, or excluded since.
    known = judging.violations.get(name, ())
    missed = [Range(one.objective, one.period) for one in known if isinstance(one.objective.window, CalendarWindow)]
    wanted = {_key(each): each for each in (*ended, *touched, *missed) if each is not None}
    ranges = [found for each in wanted.values() for found in _stretches(judging, each, settled_before)]
    return PeriodPlan(tuple(wanted.values()), ranges, reached, len(ended) >= _MOST_PERIODS)


async def judge_periods(judging: Judging, plan: PeriodPlan, tallies: Sequence[Tally]) -> None:
    """Tell of misses that became certain, and take back those that are none."""
    settled_before = judging.work.now - judging.settling.after
    for number, each in enumerate(plan.periods):
        whole, finished, before = tallies[3 * number : 3 * number + 3]
        settled = each.period.end <= settled_before
        state = PeriodState(each.period, whole, finished, before.events, settled)
        known = judging.violations.get(each.objective.name, ())
        kept = next((one for one in known if _key(Range(one.objective, one.period)) == _key(each)), None)
        await _conclude(judging, each.objective, state, kept)


def _key(each: Range) -> tuple[str, datetime]:
    """A revision and the start of its period."""
    return each.objective.key, each.period.start


def _ended(judging: Judging, name: str, judged_until: datetime, before: datetime) -> tuple[Sequence[Range], datetime]:
    """Periods that are over and were not judged yet, the oldest first, and how far they reach."""
    found: list[Range] = []
    moment = max(judged_until, min(each.effective_time for each in judging.book.revisions(name)))
    while len(found) < _MOST_PERIODS:
        each = _range_at(judging, name, moment)
        if each is None:
            return found, max(moment, before)  # a revision without periods held then
        if each.period.end > before:
            break
        found.append(each)
        moment = each.period.end
    return found, moment


def _range_at(judging: Judging, name: str, moment: datetime) -> Range | None:
    """The period that a moment falls into, under the revision that holds then."""
    objective = judging.book.at(name, moment)
    if objective is None or not isinstance(objective.window, CalendarWindow):
        return None
    return Range(objective, objective.window.at(moment))


def _stretches(judging: Judging, each: Range, settled_before: datetime) -> Sequence[Range]:
    """All of a period, what of it is finished, and the period before."""
    objective, period = each
    finished = Period(period.start, _finished(objective, period, settled_before))
    return each, Range(objective, finished), _before(judging, objective, period)


def _finished(objective: Objective, period: Period, settled_before: datetime) -> datetime:
    """Start of the first slice of the period of which events may still come."""
    if settled_before <= period.start:
        return period.start
    if settled_before >= period.end:
        return period.end
    return objective.slice_of(floor_minute(settled_before))


def _before(judging: Judging, objective: Objective, period: Period) -> Range:
    """The period before, under whichever revision held in it."""
    before = _range_at(judging, objective.name, period.start - timedelta(microseconds=1))
    return before or Range(objective, Period(period.start, period.start))


async def _conclude(judging: Judging, objective: Objective, state: PeriodState, kept: Violation | None) -> None:
    """Tell of a miss that became certain; take one back that is none."""
    work = judging.work
    if kept is None:
        if is_certain(objective, state, work.now):
            name = violation_name(objective, state.period.start)
            await add_violation(judging, Violation(name, objective, state.period, state.tally, work.now))
    elif not is_missed(objective, state.tally) and (state.settled or not state.tally.events):
        await work.records.violations.withdraw(kept.name, work.now)


async def add_violation(judging: Judging, violation: Violation) -> None:
    """Keep it and tell of it."""
    await judging.work.records.violations.add(violation)
    judging.work.tell.objective_missed(violation)
