"""Which objectives are missed for certain by now, and whose budgets burn too fast?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from value_network_sla.domain.policing.exclusions import stretches_of
from value_network_sla.domain.policing.windows import MINUTE, CalendarWindow, Period
from value_network_sla.handlers.policing.judge_burn import judge_burn
from value_network_sla.handlers.policing.judge_periods import judge_periods, judge_rolling
from value_network_sla.handlers.policing.judging import Judging, excluded_of
from value_network_sla.handlers.policing.ports import Due, Mark, PolicingTransactions, PolicingWork, Settling

_OBJECTIVES_A_BATCH: Final = 50
_MARKS_A_BATCH: Final = 5_000
"""Minutes counted in one transaction: its locks are to be short, and a history that is loaded has many."""
_LOOKS: Final = 500
"""A rolling window is looked at so many times while it passes, for it changes also when nothing comes in."""
_LONGEST_WAIT: Final = timedelta(days=31)


class JudgeObjectives:
    """Counts what is new, and judges the objectives that it tells of, and those whose time has come."""

    def __init__(self, transactions: PolicingTransactions, settling: Settling) -> None:
        self._transactions = transactions
        self._settling = settling

    async def run(self) -> int:
        """Judge them; how many."""
        judged = 0
        while done := await self._transactions.change(self._batch):
            judged += done
            if done < _OBJECTIVES_A_BATCH:
                break
        return judged

    async def _batch(self, work: PolicingWork) -> int:
        due = await work.records.counts.take_due(work.now, _OBJECTIVES_A_BATCH)
        if not due:
            return 0
        names = [each.objective for each in due]
        book = await work.records.objectives.book(names)
        marks = await work.records.counts.take_marks(names, _MARKS_A_BATCH)
        excluded = await excluded_of(work.records, book)
        if marks:
            within = _span(marks)
            await work.records.counts.recount(
                marks, book, {name: stretches_of(excluded[name], within) for name in book.names}
            )
        judging = Judging(work, book, excluded, self._settling, _minutes(marks))
        for each in due:
            await _judge(judging, each)
        return len(due)


async def _judge(judging: Judging, due: Due) -> None:
    """One objective: its periods, its alerts, and when to look again."""
    now, counts = judging.work.now, judging.work.records.counts
    objective = judging.book.at(due.objective, now)
    if objective is None:
        first = judging.book.revisions(due.objective)[0]
        await counts.done(due.objective, due.judged_until, first.effective_time)
        return
    burning = await judge_burn(judging, objective)
    if isinstance(objective.window, CalendarWindow):
        judged_until = await judge_periods(judging, objective, due.judged_until)
        again = objective.window.at(now).end + judging.settling.after
        if judged_until + judging.settling.after <= now:
            again = now  # a history that is loaded has more periods than are judged at once
    else:
        await judge_rolling(judging, objective)
        judged_until, again = now, now + max(MINUTE, objective.window.duration / _LOOKS)
    watches_silence = any(condition.when_no_data for condition in objective.conditions)
    if burning or watches_silence:
        again = min(again, now + MINUTE)
    await counts.done(due.objective, judged_until, min(again, now + _LONGEST_WAIT))


def _span(marks: Collection[Mark]) -> Period:
    minutes = [mark.minute for mark in marks]
    return Period(min(minutes), max(minutes) + MINUTE)


def _minutes(marks: Iterable[Mark]) -> Mapping[str, Sequence[datetime]]:
    found: dict[str, list[datetime]] = {}
    for mark in marks:
        found.setdefault(mark.objective, []).append(mark.minute)
    return found
