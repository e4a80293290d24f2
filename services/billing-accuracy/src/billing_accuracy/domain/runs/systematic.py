"""Do so many bills of a run have one error that it comes from the system?"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from billing_accuracy.domain.runs.exposure import BillingCause, Exposure


@dataclass(frozen=True, slots=True)
class SystematicRule:
    """When an error counts as systematic."""

    least_bills: int = 100
    """Bills of the plan that must have been checked before."""
    share: Fraction = Fraction(5, 100)
    """At least this part of them must have it."""

    def is_systematic(self, affected: int, checked: int) -> bool:
        """Whether so many of the bills of a plan that were checked are too many."""
        return checked >= self.least_bills and affected >= self.share * checked


@dataclass(frozen=True, slots=True)
class SystematicError:
    """An error that comes from the system, as it was when it was found."""

    cause: BillingCause
    checked: int
    """Bills of the plan."""
    exposure: Exposure
    """In all regions; `bills` of it are affected."""
    time: datetime
