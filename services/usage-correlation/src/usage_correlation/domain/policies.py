"""What is a spend policy, whom does it apply to, and which of its thresholds has been reached?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from rating import MINOR_UNITS
from usage_correlation.domain.amounts import Amount
from usage_correlation.errors import InvalidValue

MAX_DISPLAY_NAME = 200


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """Whom a policy applies to: holders of a plan, one subscription, or with neither everybody."""

    plan: str | None = None
    subscription: str | None = None


EVERYBODY = PolicyScope()


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What staff decide of a policy."""

    display_name: str
    limit: Fraction
    """Of one bill cycle, above zero, in major units."""
    currency: str
    threshold_percents: tuple[int, ...]
    """Rising."""
    scope: PolicyScope = EVERYBODY
    paused: bool = False
    threshold_amounts: tuple[Fraction, ...] = ()
    """Rising, in major units of the currency; beside the percentages."""

    def check(self) -> None:
        """Raise InvalidValue, with the field as a path in the request, for terms that cannot be."""
        if self.currency not in MINOR_UNITS:
            raise InvalidValue("spend_policy.limit.currency_code", self.currency, "a currency code of ISO 4217")
        if self.limit <= 0:
            raise InvalidValue("spend_policy.limit", str(self.limit), "an amount above zero")
        percents = self.threshold_percents
        if any(later <= earlier for earlier, later in pairwise(percents)):
            raise InvalidValue(
                "spend_policy.threshold_percents", list(percents), "rising percentages, such as 80 and 100"
            )
        amounts = self.threshold_amounts
        if any(amount <= 0 for amount in amounts) or any(later <= earlier for earlier, later in pairwise(amounts)):
            shown = [str(amount) for amount in amounts]
            raise InvalidValue("spend_policy.threshold_amounts", shown, "rising amounts above zero")
        if "\0" in self.display_name:
            raise InvalidValue("spend_policy.display_name", self.display_name, "text without NUL characters")
        if not percents and not amounts:
            raise InvalidValue("spend_policy.threshold_percents", [], "thresholds in percent, amounts, or both")


class Terms(Protocol):
    """What staff decide of a policy of any kind."""

    @property
    def scope(self) -> PolicyScope:
        """Whom it applies to."""

    def check(self) -> None:
        """Raise InvalidValue for terms that cannot be."""


T = TypeVar("T", bound=Terms)


@dataclass(frozen=True, slots=True)
class Policy(Generic[T]):
    """What staff want to be told of, or customers to be."""

    id: str
    terms: T
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class SpendPolicy(Policy[PolicyTerms]):
    """How much may be spent in a bill cycle before the customer hears of it."""

    def percent_reached(self, spent: Amount) -> int:
        """The highest threshold that an amount has reached, in percent; 0 when it has reached none."""
        limit = self.terms.limit
        # Whole numbers on both sides: spent / scale >= limit * percent / 100.
        have = spent.numerator * limit.denominator * 100
        one_percent = spent.scale * limit.numerator
        reached = 0
        for percent in self.terms.threshold_percents:
            if have < one_percent * percent:
                break
            reached = percent
        return reached

    def amount_reached(self, spent: Amount) -> Fraction:
        """The highest of the threshold amounts that was reached; 0 when none was."""
        reached = Fraction(0)
        for amount in self.terms.threshold_amounts:
            if spent.numerator * amount.denominator < amount.numerator * spent.scale:
                break
            reached = amount
        return reached

    @property
    def least_threshold(self) -> Fraction:
        """The lowest amount at which it has something to say."""
        percents, amounts = self.terms.threshold_percents, self.terms.threshold_amounts
        return min([*(self.threshold(percent) for percent in percents[:1]), *amounts[:1]])

    def threshold(self, percent: int) -> Fraction:
        """The amount that is so many percent of the limit."""
        return self.terms.limit * percent / 100


def policies_for(plan: str | None, own: Sequence[SpendPolicy], general: Sequence[SpendPolicy]) -> list[SpendPolicy]:
    """The policies, not paused, that apply to a subscription with policies of its `own` that holds `plan`."""
    applying = [policy for policy in general if policy.terms.scope.plan in (None, plan)]
    return [policy for policy in (*own, *applying) if not policy.terms.paused]


def least_thresholds(policies: Iterable[SpendPolicy]) -> dict[str, Fraction]:
    """By currency, the lowest amount at which any of the policies has something to say."""
    least: dict[str, Fraction] = {}
    for policy in policies:
        terms = policy.terms
        if not terms.paused:
            threshold = policy.least_threshold
            least[terms.currency] = min(threshold, least.get(terms.currency, threshold))
    return least
