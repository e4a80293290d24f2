"""What do the findings of a bill run come to, by cause, and by what else one wants to see them?"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from billing_accuracy.domain.findings import Finding, FindingClass

MOST_EXAMPLES: Final = 5
"""Bills that are named for a cause."""
K = TypeVar("K", bound=Hashable)
_NOTHING: Final = Fraction()


@dataclass(frozen=True, slots=True, order=True)
class BillingCause:
    """Why bills are wrong: findings of one class, about one charge, for one reason, under one plan."""

    finding_class: FindingClass
    charge_code: str
    cause: str
    plan: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a run an exposure lies."""

    cause: BillingCause
    region: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """What some findings come to. Too much and too little are never set off against each other."""

    bills: int = 0
    findings: int = 0
    overcharge: Fraction = _NOTHING
    leakage: Fraction = _NOTHING
    """Above zero."""
    examples: tuple[str, ...] = ()
    """Bills that have it, the first ones."""

    @property
    def weight(self) -> Fraction:
        """By which causes are ranked."""
        return self.overcharge + self.leakage

    def plus(self, other: "Exposure") -> "Exposure":
        """Both together; of bills that neither shares with the other."""
        return Exposure(
            self.bills + other.bills,
            self.findings + other.findings,
            self.overcharge + other.overcharge,
            self.leakage + other.leakage,
            (*self.examples, *other.examples)[:MOST_EXAMPLES],
        )


@dataclass(frozen=True, slots=True)
class FoundOn:
    """The findings of one bill."""

    bill_id: str
    plan: str
    region: str
    findings: tuple[Finding, ...]


def exposures(checked: Iterable[FoundOn]) -> dict[Place, Exposure]:
    """What the findings of bills come to, by place. A bill counts once for a place, whatever it has there."""
    found: dict[Place, Exposure] = {}
    for one in checked:
        of_bill: dict[Place, Exposure] = {}
        for finding in one.findings:
            cause = BillingCause(finding.finding_class, finding.charge_code, finding.cause, one.plan)
            place = Place(cause, one.region)
            known = of_bill.get(place, Exposure(bills=1, examples=(one.bill_id,)))
            of_bill[place] = known.plus(_of(finding))
        for place, exposure in of_bill.items():
            found[place] = found[place].plus(exposure) if place in found else exposure
    return found


def by(found: Mapping[Place, Exposure], key: Callable[[Place], K]) -> dict[K, Exposure]:
    """Exposures added up by a key."""
    summed: dict[K, Exposure] = {}
    for place, exposure in sorted(found.items()):
        of = key(place)
        summed[of] = summed[of].plus(exposure) if of in summed else exposure
    return summed


def _of(finding: Finding) -> Exposure:
    difference = finding.difference if finding.in_total else _NOTHING
    return Exposure(findings=1, overcharge=max(difference, _NOTHING), leakage=max(-difference, _NOTHING))
