"""How well is an objective kept now, and how well was it in each period?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from value_network_sla.domain.credits import Attained, Credit, earned_credit
from value_network_sla.domain.policing.budget import Budgeting, Tally, attained, budget_left
from value_network_sla.domain.policing.certainty import is_missed
from value_network_sla.domain.policing.exclusions import covered_minutes
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.windows import CalendarWindow, Period, slices_in
from value_network_sla.errors import NoPeriods, ObjectiveNotFound
from value_network_sla.handlers.policing.judging import excluded_of
from value_network_sla.handlers.policing.ports import PolicingRecords, Range, Settling
from value_network_sla.handlers.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Standing:
    """How well an objective is kept in one window."""

    objective: Objective
    period: Period
    tally: Tally
    final: bool
    unmeasured_slices: int
    excluded_minutes: int

    @property
    def attained(self) -> Fraction | None:
        """The share of good ones by the budgeting method; None when nothing was measured."""
        return attained(self.objective.target, self.tally)

    @property
    def budget_left(self) -> Fraction:
        """The part of the error budget that is left."""
        return budget_left(self.objective.target, self.tally)

    @property
    def missed(self) -> bool:
        """Whether the objective is missed as things stand."""
        return is_missed(self.objective, self.tally)

    @property
    def credit(self) -> Credit | None:
        """What is given back before the cap; None while the period goes on."""
        terms = self.objective.terms
        if terms is None or not self.final:
            return None
        return earned_credit(terms.credits, Attained(self.attained, self.tally.events))


async def find_objective(records: PolicingRecords, name: str, moment: datetime, viewer: Viewer) -> Objective:
    """The revision that holds at a moment, or the first one before any does; raises ObjectiveNotFound."""
    book = await visible_book(records, name, viewer)
    return book.at(name, moment) or book.revisions(name)[0]


async def visible_book(records: PolicingRecords, name: str, viewer: Viewer) -> ObjectiveBook:
    """The revisions of one objective; raises ObjectiveNotFound, also for another partner's."""
    book = await records.objectives.book([name])
    revisions = book.revisions(name)
    if not revisions or not viewer.sees(revisions[0].partner):
        raise ObjectiveNotFound(name)
    return book


async def standing_at(
    records: PolicingRecords, book: ObjectiveBook, name: str, moment: datetime, now: datetime, settling: Settling
) -> Standing:
    """How well an objective is kept, by now, in the window that a moment belongs to."""
    objective = book.at(name, moment) or book.revisions(name)[0]
    [found] = await standings(records, book, [_window_at(objective, moment)], now, settling)
    return found


async def standings(
    records: PolicingRecords, book: ObjectiveBook, ranges: Sequence[Range], now: datetime, settling: Settling
) -> Sequence[Standing]:
    """How well objectives are kept in these windows."""
    excluded = await excluded_of(records, book)
    tallies = await records.counts.tallies(ranges)
    found = []
    for (objective, period), tally in zip(ranges, tallies, strict=True):
        so_far = Period(max(period.start, objective.effective_time), min(period.end, max(now, period.start)))
        found.append(
            Standing(
                objective=objective,
                period=period,
                tally=tally,
                final=isinstance(objective.window, CalendarWindow) and now >= period.end + settling.after,
                unmeasured_slices=_unmeasured(objective, so_far, tally),
                excluded_minutes=covered_minutes(excluded[objective.key], so_far),
            )
        )
    return found


def periods_before(book: ObjectiveBook, name: str, before: datetime, size: int) -> Sequence[Range]:
    """The latest `size` periods that begin before a moment, latest first; raises NoPeriods when the window rolls."""
    found: list[Range] = []
    moment = before - timedelta(microseconds=1)
    while len(found) < size:
        objective = book.at(name, moment)
        if objective is None:
            break
        if not isinstance(objective.window, CalendarWindow):
            if not found:
                raise NoPeriods(name)
            break
        period = objective.window.at(moment)
        found.append(Range(objective, period))
        moment = period.start - timedelta(microseconds=1)
    return found


def _window_at(objective: Objective, moment: datetime) -> Range:
    if isinstance(objective.window, CalendarWindow):
        return Range(objective, objective.window.at(moment))
    return Range(objective, objective.window.until(moment))


def _unmeasured(objective: Objective, so_far: Period, tally: Tally) -> int:
    """Slices in which nothing was measured; one that goes on has time yet."""
    if objective.target.method is Budgeting.OCCURRENCES or so_far.end <= so_far.start:
        return 0
    first, last = objective.slice_of(so_far.start), objective.slice_of(so_far.end)
    return max(0, slices_in(Period(first, last), objective.slice) - tally.slices)
