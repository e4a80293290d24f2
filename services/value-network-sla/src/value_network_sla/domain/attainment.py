"""How well was an agreement kept in a window, and is it certain by now that it was not?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from apportioning.rounding import MILLION
from value_network_sla.domain.agreement import Agreement

HEADROOM = 2
"""An early breach allows for the rest of a window to be so many times as busy as anything points to."""


@dataclass(frozen=True, slots=True)
class Attainment:
    """The visits of one window, counted."""

    agreement: Agreement
    window_start: datetime
    visits: int
    good: int

    @property
    def window_end(self) -> datetime:
        """Exclusive."""
        return self.window_start + self.agreement.window

    @property
    def bad(self) -> int:
        """Visits late or in error."""
        return self.visits - self.good

    @property
    def attained_ppm(self) -> int | None:
        """Good visits in parts per million, rounded down; None without visits."""
        return self.good * MILLION // self.visits if self.visits else None

    @property
    def error_budget_remaining(self) -> int:
        """How many more of the visits seen so far could have failed; negative when too many did."""
        return self._may_fail(self.visits) - self.bad

    @property
    def missed(self) -> bool:
        """Whether the objective is missed as things stand, with enough visits to judge by."""
        return self.visits >= max(1, self.agreement.min_visits) and self.error_budget_remaining < 0

    def _may_fail(self, visits: int) -> int:
        return visits * (MILLION - self.agreement.objective_ppm) // MILLION

    def certainly_missed(self, now: datetime, *, previous_visits: int, settled: bool) -> bool:
        """Whether the objective is missed for good.

        After the window it is, once the sessions that began in it are closed (`settled`). Within the window nobody
        knows how many good visits are still to come, so a breach is called certain only when the failures so far would
        use up the error budget of HEADROOM times the visits to be expected: those of the window before, or this
        window's own at the rate so far, whichever are more.
        """
        if not self.missed:
            return False
        if settled:
            return True
        elapsed = now - self.window_start
        if elapsed <= timedelta(0) or now >= self.window_end:
            return False  # visits of the future by a wrong clock; or over and about to settle
        at_this_rate = -(-self.visits * self.agreement.window // elapsed)
        return self.bad > self._may_fail(HEADROOM * max(at_this_rate, previous_visits))


class Verdict(StrEnum):
    """What is to be done about a window."""

    NONE = "NONE"
    ANNOUNCE = "ANNOUNCE"
    """It became certain that the objective is missed."""
    WITHDRAW = "WITHDRAW"
    """It was announced early, and the window ended within its objective after all."""


def judge(attainment: Attainment, now: datetime, *, announced: bool, previous_visits: int, settled: bool) -> Verdict:
    """What follows from a window's counts, given what was said of it before."""
    if announced:
        return Verdict.WITHDRAW if settled and not attainment.missed else Verdict.NONE
    certain = attainment.certainly_missed(now, previous_visits=previous_visits, settled=settled)
    return Verdict.ANNOUNCE if certain else Verdict.NONE
