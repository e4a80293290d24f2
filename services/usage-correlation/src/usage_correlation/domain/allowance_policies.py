"""What is an allowance policy, and which of its thresholds has an allowance reached?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Final

from rating import Bucket
from usage_correlation.domain.policies import EVERYBODY, Policy, PolicyScope
from usage_correlation.errors import InvalidValue

_FIELD: Final = "allowance_policy"


@dataclass(frozen=True, slots=True)
class AllowanceTerms:
    """What staff decide of an allowance policy."""

    display_name: str
    allowance: str | None
    """Id of the allowance in a plan's tariff; None: each of them."""
    threshold_percents: tuple[int, ...] = ()
    """Of what was granted in the cycle, rising."""
    threshold_quantities: tuple[int, ...] = ()
    """Used in the cycle, in base units (micro-units of the currency where the allowance is money), rising."""
    scope: PolicyScope = EVERYBODY
    paused: bool = False

    def check(self) -> None:
        """Raise InvalidValue, with the field as a path in the request, for terms that cannot be."""
        for field, values in (
            ("threshold_percents", self.threshold_percents),
            ("threshold_quantities", self.threshold_quantities),
        ):
            if any(later <= earlier for earlier, later in pairwise(values)):
                raise InvalidValue(f"{_FIELD}.{field}", list(values), "rising values, each once")
        if "\0" in self.display_name:
            raise InvalidValue(f"{_FIELD}.display_name", self.display_name, "text without NUL characters")
        if not self.threshold_percents and not self.threshold_quantities:
            raise InvalidValue(f"{_FIELD}.threshold_percents", [], "thresholds in percent, in quantities, or both")


@dataclass(frozen=True, slots=True)
class AllowancePolicy(Policy[AllowanceTerms]):
    """How much of an allowance may be used in a bill cycle before the customer hears of it."""


@dataclass(frozen=True, slots=True)
class AllowanceUse:
    """What an account has of one allowance."""

    allowance: str
    granted: Fraction
    used: Fraction
    is_shared: bool
    valid_until: datetime

    @property
    def left(self) -> Fraction:
        """What remains of the amount; blocks that may still be added apart."""
        return max(self.granted - self.used, Fraction(0))


@dataclass(frozen=True, slots=True)
class Reached:
    """A threshold that was newly reached."""

    policy: AllowancePolicy
    use: AllowanceUse
    percent: int
    """0 for a quantity."""
    quantity: int
    """0 for a percentage."""

    @property
    def key(self) -> str:
        """Under which it is remembered that a threshold was passed: percentages and quantities apart."""
        return "\0".join((self.policy.id, self.use.allowance, "percent" if self.percent else "quantity"))

    @property
    def level(self) -> int:
        """The threshold's value."""
        return self.percent or self.quantity

    @property
    def amount(self) -> Fraction:
        """How much must be used for it, in the allowance's unit."""
        return self.use.granted * self.percent / 100 if self.percent else Fraction(self.quantity)


def uses_of(buckets: Iterable[Bucket]) -> list[AllowanceUse]:
    """What was granted and used by allowance: what rolled over counts with the rest, what is shared apart."""
    found: dict[tuple[str, bool], AllowanceUse] = {}
    for bucket in buckets:
        key = (bucket.allowance, bool(bucket.owner))
        known = found.get(key)
        granted, used, until = bucket.amount, bucket.used, bucket.valid_until
        if known is not None:
            granted, used, until = known.granted + granted, known.used + used, max(known.valid_until, until)
        found[key] = AllowanceUse(bucket.allowance, granted, used, bool(bucket.owner), until)
    return list(found.values())


def reached(use: AllowanceUse, policies: Sequence[AllowancePolicy], passed: Mapping[str, int]) -> list[Reached]:
    """At most one percentage and one quantity a policy: the highest reached, if higher than any before."""
    found = []
    for policy in policies:
        terms = policy.terms
        if terms.paused or terms.allowance not in (None, use.allowance):
            continue
        percent = max((p for p in terms.threshold_percents if use.used * 100 >= use.granted * p), default=0)
        quantity = max((q for q in terms.threshold_quantities if use.used >= q), default=0)
        candidates = [Reached(policy, use, percent, 0), Reached(policy, use, 0, quantity)]
        found += [each for each in candidates if each.level > passed.get(each.key, 0)]
    return found


def applying_to(plan: str, own: Sequence[AllowancePolicy], general: Sequence[AllowancePolicy]) -> list[AllowancePolicy]:
    """The policies that apply to the holder of a plan with policies of its `own`."""
    return [*own, *(policy for policy in general if policy.terms.scope.plan in (None, plan))]
