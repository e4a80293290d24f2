"""Which periods of an objective are missed for certain, and which are not after all?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from value_network_sla.domain.policing.certainty import PeriodState, is_certain, is_missed
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.violation import Violation, violation_name
from value_network_sla.domain.policing.windows import CalendarWindow, Period, RollingWindow, floor_minute
from value_network_sla.handlers.policing.judging import Judging
from value_network_sla.handlers.policing.ports import Range

_MOST_PERIODS: Final = 40
"""Judged at once; a history that is loaded has more of them, which are judged next."""
_Key = tuple[str, datetime]
"""Of a revision and the start of its period."""


async def judge_periods(judging: Judging, objective: Objective, judged_until: datetime) -> datetime:
    """Judge the periods that are new or were counted anew; the end of the last one that is over and judged."""
    now, settled_before = judging.work.now, judging.work.now - judging.settling.after
    ended = _ended(judging, objective, judged_until, settled_before)
    kept = {(each.objective.key, each.period.start): each for each in await _kept(judging, objective)}
    wanted = {(each.objective.key, each.period.start): each for each in ended}
    for minute in judging.counted.get(objective.name, ()):
        found = _range_at(judging, objective.name, minute)
        if found is not None:
            wanted[found.objective.key, found.period.start] = found
    for key, violation in kept.items():
        # Those that were counted under another revision before, or excluded since.
        wanted.setdefault(key, Range(violation.objective, violation.period))
    current = _range_at(judging, objective.name, now)
    if current is not None:
        wanted[current.objective.key, current.period.start] = current
    states = await _states(judging, list(wanted.values()), settled_before)
    for each, state in zip(wanted.values(), states, strict=True):
        await _conclude(judging, each.objective, state, kept.get((each.objective.key, each.period.start)))
    return max((each.period.end for each in ended), default=judged_until)


async def judge_rolling(judging: Judging, objective: Objective) -> None:
    """Judge the window that ends now."""
    work = judging.work
    if not isinstance(objective.window, RollingWindow):
        raise TypeError(f"{objective.key} has no rolling window")
    period = objective.window.until(work.now)
    [tally] = await work.records.counts.tallies([Range(objective, period)])
    missed = is_missed(objective, tally)
    kept = list(await _kept(judging, objective))
    going_on = [each for each in kept if each.objective.revision == objective.revision]
    for violation in kept:
        if violation not in going_on or not missed:
            await work.records.violations.end(violation.name, work.now)
    if missed and not going_on:
        await _add(judging, Violation(violation_name(objective, work.now), objective, period, tally, work.now))


async def _kept(judging: Judging, objective: Objective) -> Sequence[Violation]:
    return await judging.work.records.violations.of([objective.name], judging.book)


def _ended(judging: Judging, objective: Objective, judged_until: datetime, before: datetime) -> list[Range]:
    """Periods that are over and were not judged yet, the oldest first."""
    found: list[Range] = []
    revisions = judging.book.revisions(objective.name)
    moment = max(judged_until, min(each.effective_time for each in revisions))
    while len(found) < _MOST_PERIODS:
        each = _range_at(judging, objective.name, moment)
        if each is None or each.period.end > before:
            break
        found.append(each)
        moment = each.period.end
    return found


def _range_at(judging: Judging, name: str, moment: datetime) -> Range | None:
    """The period that a moment falls into, under the revision that holds then."""
    objective = judging.book.at(name, moment)
    if objective is None or not isinstance(objective.window, CalendarWindow):
        return None
    return Range(objective, objective.window.at(moment))


async def _states(judging: Judging, wanted: Sequence[Range], settled_before: datetime) -> list[PeriodState]:
    """What is known of the periods: three stretches of each are asked for at once."""
    ranges: list[Range] = []
    for objective, period in wanted:
        ranges += [
            Range(objective, period),
            Range(objective, Period(period.start, _finished(objective, period, settled_before))),
            _before(judging, objective, period),
        ]
    tallies = await judging.work.records.counts.tallies(ranges)
    return [
        PeriodState(
            period=each.period,
            tally=tallies[3 * number],
            finished=tallies[3 * number + 1],
            previous_events=tallies[3 * number + 2].events,
            settled=each.period.end <= settled_before,
        )
        for number, each in enumerate(wanted)
    ]


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
            await _add(judging, Violation(name, objective, state.period, state.tally, work.now))
    elif not is_missed(objective, state.tally) and (state.settled or not state.tally.events):
        await work.records.violations.withdraw(kept.name, work.now)


async def _add(judging: Judging, violation: Violation) -> None:
    await judging.work.records.violations.add(violation)
    judging.work.tell.objective_missed(violation)
