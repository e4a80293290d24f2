"""What do a subscription's counters come to, as a bill would show it?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rating import Tariff
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.totals import ChargeName


@dataclass(frozen=True, slots=True)
class Counter:
    """Usage of one kind in a bill cycle, before rounding."""

    charge: ChargeName
    record_count: int
    quantity: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class RatedLine:
    """Usage of one kind, rated."""

    charge_code: str
    record_count: int
    quantity: int
    amount: Fraction
    """Rounded as the tariff declares."""


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """What a subscription's usage came to in one bill cycle."""

    subscription: str
    plan: str
    cycle: BillCycle
    currency: str
    lines: tuple[RatedLine, ...]
    """By charge code."""
    latest_micros: int | None

    @property
    def total(self) -> Fraction:
        """Sum of the lines."""
        return sum((line.amount for line in self.lines), Fraction(0))


def rated_lines(counters: Iterable[Counter], tariffs: Mapping[str, Tariff], currency: str) -> tuple[RatedLine, ...]:
    """A line for each charge code in one currency.

    Each counter is rounded under the tariff of its own plan, so that a plan change within the cycle leaves two rounded
    amounts that add up, as on two bills.
    """
    lines: dict[str, RatedLine] = {}
    for counter in counters:
        if counter.charge.currency != currency:
            continue
        rounding = tariffs[counter.charge.plan].line_rounding
        exact = counter.amount.fraction
        amount = rounding.apply(exact) if rounding else exact
        code = counter.charge.code
        before = lines.get(code, RatedLine(code, 0, 0, Fraction(0)))
        lines[code] = RatedLine(
            code, before.record_count + counter.record_count, before.quantity + counter.quantity, before.amount + amount
        )
    return tuple(lines[code] for code in sorted(lines))
