"""How long would a session have taken had some visits kept to their budgets?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.replay import Cut, Replay
from apportioning.visits import Visits


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a visit may take."""

    budget_ns: int
    of_own_time: bool
    """Learned budgets are of the time that lies in no deeper visit; agreed ones are of all of it."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """A visit that was put back within its budget."""

    visit: int
    duration_ns: int
    """With what lies in it already shortened."""
    by_ns: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would have been."""

    duration_ns: int
    shortened: Sequence[Shortened]
    """By start."""


def what_if(visits: Visits, allowed: Mapping[int, Allowed], beside: Beside = NOTHING_KNOWN) -> WhatIf:
    """The session with these visits, by number, within their budgets; inner ones are shortened first."""
    own = visits.own_times()
    shortened: dict[int, Shortened] = {}

    def cut_at(node: int, duration: int) -> Sequence[Cut]:
        visit = visits.entered_at.get(node)
        limit = None if visit is None else allowed.get(visit)
        if visit is None or limit is None:
            return ()
        excess = (own[visit] if limit.of_own_time else duration) - limit.budget_ns
        excess = min(excess, duration)
        if excess <= 0:
            return ()
        shortened[visit] = Shortened(visit, duration, excess)
        return (Cut(0, excess),)

    replay = Replay(visits.timeline, cut_at, visits.labels, beside)
    in_order = sorted(shortened.values(), key=lambda each: (visits.visits[each.visit].start_ns, each.visit))
    return WhatIf(replay.restored_ns, in_order)
