"""What does each record of a bill cycle cost, rated in the order of usage, and what do allowances come to then?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating import Account, Ledger, RatedColumns, Rating, RatingError, Tariff, rate_batch
from usage_correlation.domain.accounts import Stint, open_stint
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.consumption.stretches import PlanStretch
from usage_correlation.domain.limits.events import UnchargedUsage

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RatedPart:
    """Records of a subscription that follow one another, rated, maybe together with those of others."""

    first: int
    """Row of the first in the cycle's history; the others follow."""
    rated: RatedColumns
    at: Integers
    """By record: its row in `rated`."""

    @property
    def pieces(self) -> NDArray[np.bool_]:
        """Which pieces in `rated` are of these records."""
        if len(self.at) == len(self.rated.outcome):
            return np.ones(len(self.rated.pieces.record), bool)
        return np.isin(self.rated.pieces.record, self.at)


@dataclass(frozen=True, slots=True)
class RatedStretch:
    """The records of one plan within a cycle, rated."""

    stretch: PlanStretch
    tariff: Tariff
    parts: tuple[RatedPart, ...]
    account: Account
    """What is left of allowances, shared ones too, and what lines have gathered, after the records."""
    uncharged: Mapping[str, Fraction] = field(default_factory=dict)
    """By line, what spending limits let not be charged."""

    @property
    def spent(self) -> Fraction:
        """What the records cost before lines are rounded, without what is not charged; recurring charges apart."""
        return sum(self.line_amounts().values(), Fraction(0))

    @property
    def count(self) -> int:
        """Records that have a price."""
        return sum(int((part.rated.outcome[part.at] == 0).sum()) for part in self.parts)

    def line_amounts(self) -> dict[str, Fraction]:
        """What each line has come to, before it is rounded: charged, for what a limit has kept back is no spending."""
        sums: dict[str, Fraction] = {line: -amount for line, amount in self.uncharged.items()}
        for part in self.parts:
            mine, rated = part.pieces, part.rated
            totals: dict[int, int] = {}
            for line, amount in zip(rated.line[mine].tolist(), rated.amount[mine].tolist(), strict=True):
                totals[line] = totals.get(line, 0) + amount
            for line, total in totals.items():
                name = rated.lines[line]
                sums[name] = sums.get(name, Fraction(0)) + Fraction(total, rated.scale)
        return sums


@dataclass(frozen=True, slots=True)
class RatedCycle:
    """A subscription's records of one cycle, rated."""

    cycle: BillCycle
    history: History
    stretches: tuple[RatedStretch, ...]
    """By plan, oldest first; together they hold every record under which a plan was in force."""

    def of_row(self, row: int) -> tuple[RatedStretch, Rating | RatingError] | None:
        """A record's plan and rating, or why it has no price; None when no plan was in force."""
        for stretch in self.stretches:
            for part in stretch.parts:
                if 0 <= row - part.first < len(part.at):
                    at = int(part.at[row - part.first])
                    return stretch, part.rated.error(at) or part.rated.rating(at)
        return None

    def without(self, rows: Iterable[UnchargedUsage]) -> "RatedCycle":
        """The same, of which some is not charged."""
        amounts: dict[tuple[int, str], Fraction] = {}
        for row in rows:
            for number, part in enumerate(self.stretches):
                if part.stretch.plan == row.plan and part.stretch.holds(row.start_micros):
                    place = (number, row.charge_code)
                    amounts[place] = amounts.get(place, Fraction(0)) + row.amount
        lines: dict[int, dict[str, Fraction]] = {}
        for (number, line), amount in amounts.items():
            lines.setdefault(number, {})[line] = amount
        stretches = [replace(part, uncharged=lines.get(number, {})) for number, part in enumerate(self.stretches)]
        return replace(self, stretches=tuple(stretches))

    def spent(self, currency: str) -> Fraction:
        """What the records cost in a currency, before lines are rounded, without what is not charged."""
        return sum((part.spent for part in self.stretches if part.tariff.currency == currency), Fraction(0))


def rate_cycle(
    history: History, cycle: BillCycle, stretches: Sequence[PlanStretch], tariffs: Mapping[str, Tariff]
) -> RatedCycle:
    """A cycle whose allowances begin anew and belong to the subscription alone; see `pooled_cycle` for others."""
    within = history.between(cycle.start_micros, cycle.end_micros)
    return RatedCycle(cycle, within, tuple(_rate(within, each, tariffs[each.plan]) for each in stretches))


def _rate(within: History, stretch: PlanStretch, tariff: Tariff) -> RatedStretch:
    first, last = (int(at) for at in np.searchsorted(within.start_micros, [stretch.start_micros, stretch.end_micros]))
    opened = open_stint(tariff, stretch.cycle, Stint(stretch.plan, stretch.start_micros, stretch.end_micros), None)
    columns = within.in_currency(tariff.currency).columns.rows(slice(first, last))
    rated = rate_batch(columns, tariff, Ledger.of(tariff, [opened]))
    account = rated.ledger.account(0) if rated.ledger else opened
    return RatedStretch(stretch, tariff, (RatedPart(first, rated, np.arange(last - first)),), account)
