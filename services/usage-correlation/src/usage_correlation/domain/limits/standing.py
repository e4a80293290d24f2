"""Where does a subscription stand with a limit, what may still be charged, and what does usage change about that?

The rule that all of it serves: in a period no more than the limit in force is charged without the customer's consent,
whatever the order in which usage arrives.

- The record that would pass the limit is charged up to the limit exactly, and stops the rest.
- While stopped, nothing is charged, whenever the usage began.
- Consent, or a higher limit, opens from that moment on: usage that began before and arrives after is not charged.
- Credits (a price that falls with the volume) are always booked, and open nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.policies import Action, Choice, ChoiceKind, LimitTerms, limit_in_force

WHOLE: Final = 100
NONE: Final = Fraction(0)
ALL: Final = Fraction(1)
NEVER: Final = 0
"""No usage began before this moment."""


class LimitState(StrEnum):
    """Where a subscription stands with a limit."""

    OPEN = "OPEN"
    NOTICED = "NOTICED"
    STOPPED = "STOPPED"
    CONSENTED = "CONSENTED"
    OPTED_OUT = "OPTED_OUT"


class Stage(StrEnum):
    """What happened to a limit that the customer is told of."""

    NEAR = "NEAR"
    REACHED = "REACHED"
    STOPPED = "STOPPED"
    OPEN = "OPEN"


@dataclass(frozen=True, slots=True)
class Standing:
    """One subscription, policy and period. Amounts are on the policy's tax basis, in major units."""

    period: BillCycle
    state: LimitState = LimitState.OPEN
    spent: Fraction = NONE
    """Charged in the period."""
    not_charged: Fraction = NONE
    """What else the usage would have cost."""
    consents: int = 0
    """Given for the limit that is in force."""
    consents_in_period: int = 0
    round: int = 0
    """Counts what the customer said in the period: notices of one round are given once."""
    percent: int = 0
    """The highest that was notified in this round; 100 for the limit itself."""
    stop_micros: int | None = None
    """While stopped: when the usage began that reached the limit."""
    open_from_micros: int = NEVER
    """What began before this moment and arrives now is not charged."""


@dataclass(frozen=True, slots=True)
class Passing:
    """A threshold that a record reached for the first time in its round."""

    stage: Stage
    percent: int
    limit_nanos: int


def opening(period: BillCycle, choice: Choice) -> Standing:
    """At the beginning of a period."""
    return Standing(period, LimitState.OPTED_OUT if choice.kind is ChoiceKind.OPT_OUT else LimitState.OPEN)


def share_charged(standing: Standing, terms: LimitTerms, choice: Choice, start_micros: int, cost: Fraction) -> Fraction:
    """Which share of a record's cost this limit lets be charged, 0 to 1."""
    if terms.action is Action.NOTIFY or cost <= 0:
        return ALL
    if standing.state is LimitState.STOPPED or start_micros < standing.open_from_micros:
        return NONE
    limit = limit_in_force(terms, choice, standing.consents)
    if limit is None:
        return ALL
    left = Fraction(limit, NANOS) - standing.spent
    return min(ALL, max(NONE, left) / cost)


def charge(
    standing: Standing, terms: LimitTerms, choice: Choice, start_micros: int, cost: Fraction, share: Fraction
) -> tuple[Standing, Passing | None]:
    """Count a record of which `share` is charged; and what it passed, the highest if several at once."""
    charged = cost * share
    after = replace(standing, spent=standing.spent + charged, not_charged=standing.not_charged + cost - charged)
    limit = limit_in_force(terms, choice, standing.consents)
    if limit is None or standing.state is LimitState.STOPPED or start_micros < standing.open_from_micros:
        return after, None
    percent = percent_reached(terms, limit, after.spent)
    if percent <= standing.percent:
        return after, None
    if percent < WHOLE:
        return _noticed(after, percent), Passing(Stage.NEAR, percent, limit)
    if terms.action is Action.NOTIFY:
        return _noticed(after, WHOLE), Passing(Stage.REACHED, WHOLE, limit)
    stopped = replace(after, state=LimitState.STOPPED, percent=WHOLE, stop_micros=start_micros)
    return stopped, Passing(Stage.STOPPED, WHOLE, limit)


def percent_reached(terms: LimitTerms, limit_nanos: int, spent: Fraction) -> int:
    """The highest share of a limit that was reached, of those that are notified; 0 for none."""
    have = spent.numerator * NANOS * WHOLE
    one_percent = spent.denominator * limit_nanos
    return max((each for each in (*terms.notice_percents, WHOLE) if have >= one_percent * each), default=0)


def limit_after_consent(standing: Standing, terms: LimitTerms, choice: Choice) -> tuple[int, int | None]:
    """How many consents a further one makes, and up to which limit it opens: the next that isn't spent already."""
    consents = standing.consents + 1
    while True:
        limit = limit_in_force(terms, choice, consents)
        if limit is None or standing.spent < Fraction(limit, NANOS):
            return consents, limit
        consents += 1


def consented(standing: Standing, terms: LimitTerms, choice: Choice, now_micros: int) -> Standing:
    """After the customer's consent to more; the limit must be stopped."""
    return replace(
        standing,
        state=LimitState.CONSENTED,
        consents=limit_after_consent(standing, terms, choice)[0],
        consents_in_period=standing.consents_in_period + 1,
        round=standing.round + 1,
        percent=0,
        stop_micros=None,
        open_from_micros=now_micros,
    )


def chosen(standing: Standing, terms: LimitTerms, choice: Choice, now_micros: int) -> Standing:
    """After the customer chose a limit, none, or the policy's own; what it opens is open from now on.

    Shares of the new limit that are spent already aren't notified: the customer chose knowing them. A limit that is
    below what is spent stops with the next usage.
    """
    limit = limit_in_force(terms, choice, 0)
    opens = limit is None or standing.spent < Fraction(limit, NANOS)
    if standing.state is LimitState.STOPPED and not opens:
        return standing
    reached = 0 if limit is None or not opens else percent_reached(terms, limit, standing.spent)
    return replace(
        standing,
        state=LimitState.OPTED_OUT if choice.kind is ChoiceKind.OPT_OUT else LimitState.OPEN,
        consents=0,
        round=standing.round + 1,
        percent=reached,
        stop_micros=None,
        open_from_micros=now_micros if standing.state is LimitState.STOPPED else standing.open_from_micros,
    )


def stops(standing: Standing, terms: LimitTerms, choice: Choice) -> bool:
    """Whether terms stop what has been stopped: no more is left under them."""
    limit = limit_in_force(terms, choice, standing.consents)
    return limit is not None and standing.spent >= Fraction(limit, NANOS)


def released(
    standing: Standing, now_micros: int, terms: LimitTerms | None = None, limit_nanos: int | None = None
) -> Standing:
    """A stopped one after its policy was paused, removed, doesn't stop any more, or got a higher limit.

    With `terms`, shares of the higher limit that are spent already aren't notified: the customer is told of both.
    """
    reached = 0 if terms is None or limit_nanos is None else percent_reached(terms, limit_nanos, standing.spent)
    return replace(
        standing,
        state=LimitState.CONSENTED if standing.consents else LimitState.OPEN,
        round=standing.round + 1,
        percent=reached,
        stop_micros=None,
        open_from_micros=now_micros,
    )


def _noticed(standing: Standing, percent: int) -> Standing:
    state = LimitState.NOTICED if standing.state is LimitState.OPEN else standing.state
    return replace(standing, state=state, percent=percent)
