"""Is it certain by now that an objective is missed in a period?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from value_network_sla.domain.attainment import HEADROOM
from value_network_sla.domain.policing.budget import Budgeting, Tally, attained, bad_events, bad_slices
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.windows import Period, slices_in


@dataclass(frozen=True, slots=True)
class PeriodState:
    """What is known of a period of a calendar window, or of a rolling one, which is always over."""

    period: Period
    tally: Tally
    """Of all that was measured."""
    finished: Tally
    """Of the slices that are over, those of which late events may still come left out."""
    previous_events: int
    """In the period before; of a rolling window nothing is asked of it."""
    settled: bool
    """Whether the period is over and its late events are in."""


def is_missed(objective: Objective, tally: Tally) -> bool:
    """Whether the objective is missed as things stand, with enough events to judge by."""
    share = attained(objective.target, tally)
    return share is not None and tally.events >= objective.minimum_sample and share < objective.target.target


def is_certain(objective: Objective, state: PeriodState, now: datetime) -> bool:
    """Whether the objective is missed whatever comes in the rest of the period.

    A period that is settled is judged by what it holds. Before, slices can be counted beforehand: when more of them are
    bad than the whole period may have, nothing helps any more, for a gap only makes the measured ones fewer. Of events
    nobody knows how many are to come, so they must use up the budget of HEADROOM times what is to be expected, as it
    is for agreements on visits. What is excluded afterwards can turn even a certain miss: it is withdrawn then.
    """
    if state.settled:
        return is_missed(objective, state.tally)
    if objective.target.method is Budgeting.OCCURRENCES:
        return is_missed(objective, state.tally) and _used_up(objective, state, now)
    allowed = objective.target.budget * slices_in(state.period, objective.slice)
    return is_missed(objective, state.finished) and bad_slices(objective.target, state.finished) > allowed


def _used_up(objective: Objective, state: PeriodState, now: datetime) -> bool:
    elapsed = now - max(state.period.start, objective.effective_time)
    if elapsed <= timedelta(0) or now >= state.period.end:
        return False  # events of the future by a wrong clock; or over and about to settle
    length = state.period.end - state.period.start
    at_this_rate = -(-state.tally.events * length // elapsed)
    expected = HEADROOM * max(at_this_rate, state.previous_events)
    return bad_events(state.tally) > objective.target.budget * expected
