"""What is a limit policy, whom and what does it apply to, and which limit is in force?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

from rating import MINOR_UNITS, Service
from usage_correlation.domain.policies import EVERYBODY, PolicyScope
from usage_correlation.errors import InvalidValue

DEFAULT_TEMPLATES: Final = "spending-limit"
PRICE_QUANTITY: Final = {Service.DATA: 1_000_000, Service.VOICE: 60}
"""In base units: what a price is for, unless the policy says otherwise; one of everything else."""


class Place(StrEnum):
    """Where usage counts."""

    ANYWHERE = "ANYWHERE"
    ROAMING = "ROAMING"
    HOME = "HOME"


class TaxBasis(StrEnum):
    """Whether amounts hold value-added tax."""

    EXCLUDED = "EXCLUDED"
    INCLUDED = "INCLUDED"


class Period(StrEnum):
    """After how long a limit begins anew."""

    BILL_CYCLE = "BILL_CYCLE"
    MONTH = "MONTH"
    DAY = "DAY"


class Action(StrEnum):
    """What happens at the limit."""

    STOP = "STOP"
    NOTIFY = "NOTIFY"


@dataclass(frozen=True, slots=True)
class LimitScope:
    """Which usage counts: what fits all that is set."""

    services: tuple[Service, ...] = ()
    place: Place = Place.ANYWHERE
    roaming_zones: tuple[str, ...] = ()
    visited_networks: tuple[str, ...] = ()
    """Prefixes of MCC and MNC."""


@dataclass(frozen=True, slots=True)
class LimitTerms:
    """What staff decide of a limit policy. Amounts are in billionths, as google.type.Money counts."""

    display_name: str
    scope: LimitScope
    limit_nanos: int
    currency: str
    tax_basis: TaxBasis
    period: Period
    action: Action
    holder: PolicyScope = EVERYBODY
    notice_percents: tuple[int, ...] = ()
    """Rising, below 100."""
    further_limits_nanos: tuple[int, ...] = ()
    offered_limits_nanos: tuple[int, ...] = ()
    """Empty: any."""
    opt_out_allowed: bool = False
    price_quantity: int = 0
    """0: PRICE_QUANTITY."""
    template_prefix: str = ""
    legal_basis: str = ""
    paused: bool = False

    def check(self) -> None:
        """Raise InvalidValue, with the field as a path in the request, for terms that cannot be."""
        if self.currency not in MINOR_UNITS:
            raise InvalidValue("limit_policy.limit.currency_code", self.currency, "a currency code of ISO 4217")
        if self.limit_nanos <= 0:
            raise InvalidValue("limit_policy.limit", f"{self.limit_nanos} billionths", "an amount above zero")
        if not _rising(self.notice_percents):
            percents = list(self.notice_percents)
            raise InvalidValue("limit_policy.notice_percents", percents, "rising percentages below 100, such as 50, 80")
        if not _rising((self.limit_nanos, *self.further_limits_nanos)):
            expected = "rising amounts above the limit"
            raise InvalidValue("limit_policy.further_limits", list(self.further_limits_nanos), expected)
        if any(amount <= 0 for amount in self.offered_limits_nanos):
            raise InvalidValue("limit_policy.offered_limits", list(self.offered_limits_nanos), "amounts above zero")
        if self.scope.place is Place.HOME and (self.scope.roaming_zones or self.scope.visited_networks):
            expected = "a place that is not home where zones or networks abroad are named"
            raise InvalidValue("limit_policy.scope.place", self.scope.place, expected)
        if "\0" in self.display_name + self.legal_basis:
            raise InvalidValue("limit_policy.display_name", self.display_name, "text without NUL characters")

    @property
    def templates(self) -> str:
        """What the templates of its notices begin with."""
        return self.template_prefix or DEFAULT_TEMPLATES

    def quantity_priced(self, service: Service) -> int:
        """How much usage the price in a notice is for."""
        return self.price_quantity or PRICE_QUANTITY.get(service, 1)

    def offers(self, nanos: int) -> bool:
        """Whether a customer may choose this limit."""
        return not self.offered_limits_nanos or nanos in (self.limit_nanos, *self.offered_limits_nanos)


FIXED: Final = ("scope", "currency", "tax_basis", "period", "holder")
"""What can't be changed: what was counted would be about something else."""


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """How much may be charged in a period without the customer's consent to more."""

    id: str
    terms: LimitTerms
    revision: int
    create_time: datetime
    update_time: datetime


class ChoiceKind(StrEnum):
    """What a customer wants of a policy."""

    DEFAULT = "DEFAULT"
    LIMIT = "LIMIT"
    OPT_OUT = "OPT_OUT"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a customer said about a policy, last."""

    kind: ChoiceKind = ChoiceKind.DEFAULT
    limit_nanos: int = 0
    """For LIMIT."""


NO_CHOICE: Final = Choice()


def limit_in_force(terms: LimitTerms, choice: Choice, consents: int) -> int | None:
    """The limit after so many consents in the period, in billionths; None when there is none.

    Each consent opens up to the next further limit above the customer's own; beyond the last there is none.
    """
    if choice.kind is ChoiceKind.OPT_OUT:
        return None
    base = choice.limit_nanos if choice.kind is ChoiceKind.LIMIT else terms.limit_nanos
    steps = (base, *(amount for amount in terms.further_limits_nanos if amount > base))
    return steps[consents] if consents < len(steps) else None


def applying(policies: Iterable[LimitPolicy], subscription: str, plan: str | None) -> list[LimitPolicy]:
    """The policies, not paused, for a subscription that holds `plan`, by id."""
    found = [policy for policy in policies if not policy.terms.paused and holds(policy, subscription, plan)]
    return sorted(found, key=lambda policy: policy.id)


def holds(policy: LimitPolicy, subscription: str, plan: str | None) -> bool:
    """Whether a policy is for a subscription that holds `plan`."""
    holder = policy.terms.holder
    return holder.plan in (None, plan) and holder.subscription in (None, subscription)


def _rising(values: Sequence[int | Fraction]) -> bool:
    return all(earlier < later for earlier, later in pairwise(values))
