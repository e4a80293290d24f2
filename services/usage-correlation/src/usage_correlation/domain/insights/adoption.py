"""Who uses what is new before others do?"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AdoptionTerms:
    """What makes an early adopter."""

    share: float = 0.16
    """Of active subscriptions. Innovators and early adopters together (Rogers, Diffusion of Innovations, 1962): those
    more than one standard deviation before the mean."""
    new_for: timedelta = timedelta(days=180)
    """A bill line is new for so long after it was first used."""
    least_history: timedelta = timedelta(days=90)
    """Usage must be known from so long before, or nobody can say that the line is new."""
    least_subscriptions: int = 50
    """Below so many active subscriptions a share says nothing."""


def is_new(history_micros: int, since_micros: int, now_micros: int, terms: AdoptionTerms) -> bool:
    """Whether a line that was first used in the cycle that began then is new; `history_micros`: oldest cycle known."""
    microsecond = timedelta(microseconds=1)
    return (
        since_micros - history_micros >= terms.least_history / microsecond
        and now_micros - since_micros <= terms.new_for / microsecond
    )


def is_early(adopters: int, active: int, terms: AdoptionTerms) -> bool:
    """Whether those who use a line now are early: few use it so far."""
    return active >= terms.least_subscriptions and adopters <= terms.share * active
