"""How well is an objective kept, how much of its error budget is left, and how fast is it burnt?

OpenSLO v1 has three budgeting methods. Occurrences: good events to all events. Timeslices: slices in which the share of
good events reaches the slice's own target, to all slices. RatioTimeslices: the average of all slices' shares of good
events. A slice without an event was not measured and counts for nothing, neither good nor bad.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

GOOD: Final = 1_000_000
"""A good event in the unit that good events are counted in: events that are measured as shares are in between."""
RATIO: Final = 10**12
"""A wholly good slice, where shares of slices are added up; each is rounded down to a millionth of a millionth."""


class Budgeting(StrEnum):
    """What the error budget is counted in."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"
    RATIO_TIMESLICES = "RatioTimeslices"


@dataclass(frozen=True, slots=True)
class MinuteCount:
    """The events of one minute under one revision of an objective."""

    slice: datetime
    """Start of the slice that the minute belongs to; by Occurrences the minute itself."""
    minute: datetime
    events: int
    good: int
    """In units of GOOD. Where good and all events come from two series, it may lie outside 0 to events for a while."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Events and slices of a stretch of time. Tallies of stretches that don't share a slice add up."""

    events: int = 0
    good: int = 0
    """In units of GOOD."""
    slices: int = 0
    """Those with events."""
    good_slices: int = 0
    ratios: int = 0
    """Sum over the slices of their shares of good events, in units of RATIO."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.events + other.events,
            self.good + other.good,
            self.slices + other.slices,
            self.good_slices + other.good_slices,
            self.ratios + other.ratios,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised."""

    method: Budgeting
    target: Fraction
    """At least 0 and below 1, as OpenSLO has it: there is always a budget."""
    slice_target: Fraction = Fraction(1)
    """Of Timeslices: a slice with a share of good events from here on is good."""

    @property
    def budget(self) -> Fraction:
        """The share that may be bad."""
        return 1 - self.target


def tally_of(target: Target, counts: Iterable[MinuteCount]) -> Tally:
    """The minutes of whole slices, added up."""
    slices: dict[datetime, tuple[int, int]] = {}
    for count in counts:
        events, good = slices.get(count.slice, (0, 0))
        slices[count.slice] = (events + count.events, good + count.good)
    events_all = good_all = measured = good_slices = ratios = 0
    for events, found in slices.values():
        if events <= 0:
            continue
        good = min(max(found, 0), events * GOOD)
        events_all += events
        good_all += good
        measured += 1
        good_slices += Fraction(good, events * GOOD) >= target.slice_target
        ratios += good * (RATIO // GOOD) // events
    return Tally(events_all, good_all, measured, good_slices, ratios)


def attained(target: Target, tally: Tally) -> Fraction | None:
    """The share of good ones by the budgeting method; None when nothing was measured."""
    if not tally.events:
        return None
    if target.method is Budgeting.OCCURRENCES:
        return Fraction(tally.good, tally.events * GOOD)
    if target.method is Budgeting.TIMESLICES:
        return Fraction(tally.good_slices, tally.slices)
    return Fraction(tally.ratios, tally.slices * RATIO)


def burn_rate(target: Target, tally: Tally) -> Fraction | None:
    """How many times as fast as the objective allows the budget is used up; None when nothing was measured.

    At 1 the budget lasts exactly as long as the window (Site Reliability Workbook, chapter 5).
    """
    share = attained(target, tally)
    return None if share is None else (1 - share) / target.budget


def budget_left(target: Target, tally: Tally) -> Fraction:
    """The part of the error budget that is left at what was measured so far, from 1 down; below 0 it is overdrawn."""
    burnt = burn_rate(target, tally)
    return Fraction(1) if burnt is None else 1 - burnt


def bad_slices(target: Target, tally: Tally) -> Fraction:
    """How many slices' worth of badness there was."""
    if target.method is Budgeting.RATIO_TIMESLICES:
        return tally.slices - Fraction(tally.ratios, RATIO)
    return Fraction(tally.slices - tally.good_slices)


def bad_events(tally: Tally) -> Fraction:
    """How many events' worth of badness there was."""
    return tally.events - Fraction(tally.good, GOOD)
