"""When does somebody have to be told that an error budget burns too fast, and when is that over?

Multi-window, multi-burn-rate alerts (Site Reliability Workbook, chapter 5): a condition holds while the budget burns at
least so fast over a long window, which says that it matters, and over a short one, which says that it goes on. The
default values are the workbook's for a budget of 30 days: 2 % of it gone in an hour, 5 % in six, 10 % in a day, 10 % in
three days.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

LONG_TO_SHORT: Final = 12
"""The short window is a twelfth of the long one, as in all pairs of the workbook, where a document doesn't say it."""
_FEW_EVENTS: Final = 10
"""One bad event in a quiet night would burn any budget; with fewer events the longer windows have to tell."""


@dataclass(frozen=True, slots=True)
class BurnCondition:
    """One pair of windows."""

    name: str
    severity: str
    """In the words of the document, e.g. "page" or "ticket"."""
    threshold: Fraction
    """A burn rate; at 1 the budget lasts as long as the window of the objective."""
    long: timedelta
    short: timedelta
    strict: bool = False
    """Whether a burn rate that equals the threshold is none yet (OpenSLO's `gt`)."""
    alert_after: timedelta = timedelta(0)
    """How long the condition has to hold before the alert fires."""
    minimum_events: int = _FEW_EVENTS
    """With fewer events in the long window it does not hold."""
    when_breaching: bool = True
    """Whether it fires when the budget burns."""
    when_no_data: bool = False
    """Whether it fires when nothing was measured in the long window."""
    when_resolved: bool = True
    """Whether the others are told when it is over; the alert's own state always says it."""

    def is_met(self, burn: Fraction | None) -> bool:
        """Whether a burn rate is as high as it takes."""
        if burn is None:
            return False
        return burn > self.threshold if self.strict else burn >= self.threshold


def _of_workbook(name: str, severity: str, threshold: Fraction, long: timedelta) -> BurnCondition:
    return BurnCondition(name, severity, threshold, long, long / LONG_TO_SHORT)


DEFAULT_CONDITIONS: Final = (
    _of_workbook("fast-burn", "page", Fraction("14.4"), timedelta(hours=1)),
    _of_workbook("slow-burn", "page", Fraction(6), timedelta(hours=6)),
    _of_workbook("day-burn", "ticket", Fraction(3), timedelta(days=1)),
    _of_workbook("budget-burn", "ticket", Fraction(1), timedelta(days=3)),
)


class AlertState(StrEnum):
    """Where an alert stands."""

    PENDING = "PENDING"
    """The condition holds, but not for long enough; nobody has been told."""
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"


class AlertCause(StrEnum):
    """Why an alert fires."""

    BURNING = "BURNING"
    NO_DATA = "NO_DATA"


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the budget burns over the two windows of a condition."""

    long: Fraction | None
    """None: nothing was measured."""
    short: Fraction | None
    events: int
    """In the long window."""


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not resolved."""

    state: AlertState
    since: datetime
    """When its condition began to hold."""


class AlertChange(StrEnum):
    """What becomes of an alert."""

    NONE = "NONE"
    WAIT = "WAIT"
    """The condition holds from now on, and has to go on before the alert fires."""
    FIRE = "FIRE"
    FORGET = "FORGET"
    """It was over before it fired."""
    RESOLVE = "RESOLVE"


def cause_of(condition: BurnCondition, burn: Burn) -> AlertCause | None:
    """Why the condition holds; None when it does not."""
    if not burn.events:
        return AlertCause.NO_DATA if condition.when_no_data else None
    enough = burn.events >= condition.minimum_events
    if condition.when_breaching and enough and condition.is_met(burn.long) and condition.is_met(burn.short):
        return AlertCause.BURNING
    return None


def judge_alert(condition: BurnCondition, burn: Burn, alert: OpenAlert | None, now: datetime) -> AlertChange:
    """What becomes of the condition's alert."""
    holds = cause_of(condition, burn) is not None
    if alert is None:
        if not holds:
            return AlertChange.NONE
        return AlertChange.WAIT if condition.alert_after else AlertChange.FIRE
    if alert.state is AlertState.FIRING:
        return AlertChange.NONE if holds else AlertChange.RESOLVE
    if not holds:
        return AlertChange.FORGET
    return AlertChange.FIRE if now - alert.since >= condition.alert_after else AlertChange.NONE
