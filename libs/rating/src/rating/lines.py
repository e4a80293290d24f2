"""What does a bill cycle's usage come to, line by line, for one bill and for thousands at once?

A line gathers every charge of its name in the cycle: its exact amount is quantity x price summed over its parts, and it
is rounded once. Where the tariff rounds each record, the line sums rounded records instead.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating.amounts import round_to, sum_by, total
from rating.batch import accounts_of
from rating.errors import InvalidRecord
from rating.ledger import Ledger
from rating.money import Rounding, RoundingDifference, classify_rounding, format_amount
from rating.record import UsageColumns
from rating.services import BASE_UNIT
from rating.sums import PartSums, Summed, sum_parts
from rating.tables import Numerators, RateRow, Tables, tables_of
from rating.tariff import Tariff
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class LinePart:
    """What one rate contributes to a line."""

    service: str
    zone: str | None
    band: str | None
    roaming: str | None
    version: datetime
    """When the tariff version came into force."""
    quantity: int
    """Base units really used."""
    units: tuple[tuple[int, Fraction], ...]
    """Base units charged and the price of each, by step of the rate."""
    connections: int
    """How many connection fees fell due."""
    connection_fee: Fraction
    amount: Fraction
    """What it comes to: of rounded records where the tariff rounds records, else exact."""
    covered: int = 0
    """Base units of these that allowances cover."""

    def explain(self) -> str:
        """The derivation in a line of text."""
        unit = BASE_UNIT_OF[self.service]
        charged = " and ".join(f"{units} charged at {format_amount(price, 2)}" for units, price in self.units)
        text = f"{self.quantity} {unit}s used, {charged}"
        if self.connections and self.connection_fee:
            text += f", {self.connections} connection fees of {format_amount(self.connection_fee, 2)}"
        if self.covered:
            text += f", {self.covered} of them covered by allowances"
        return f"{text} = {format_amount(self.amount, 2)}"


BASE_UNIT_OF = {str(service): unit for service, unit in BASE_UNIT.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill."""

    name: str
    records: int
    """Records with a charge on the line."""
    quantity: int
    """Base units really used."""
    units: int
    """Base units charged."""
    exact: Fraction
    """Before the line is rounded."""
    amount: Fraction
    """After the line is rounded as the tariff declares."""
    rounding: Rounding | None
    parts: tuple[LinePart, ...]

    @property
    def is_tie(self) -> bool:
        """Whether `exact` lies half-way between two amounts, so that the method of rounding decides."""
        return self.rounding is not None and self.rounding.is_tie(self.exact)

    def compare(self, billed: Fraction) -> RoundingDifference:
        """How an amount that somebody billed relates to this line: as declared, another rounding, or wrong."""
        if self.rounding is None:
            same = billed == self.exact
            return RoundingDifference.AS_DECLARED if same else RoundingDifference.NOT_ROUNDING
        return classify_rounding(self.exact, billed, self.rounding)

    def explain(self) -> str:
        """The whole derivation, a line a part and one for the rounding."""
        text = "\n".join(part.explain() for part in self.parts)
        if self.rounding is None:
            return text
        rule = f"{self.rounding.method} to {self.rounding.decimals} decimals"
        return f"{text}\n{format_amount(self.exact, 2)} rounded {rule} = {format_amount(self.amount, 2)}"


@dataclass(frozen=True, slots=True)
class LineColumns:
    """The lines of many bills: one row a line, ordered by bill and then by line."""

    tariff: Tariff
    bill: Ints
    """Which bill the line belongs to, as the caller numbered them."""
    line: Ints
    """Index into `names`."""
    names: tuple[str, ...]
    records: Ints
    quantity: Ints
    units: Ints
    exact: Numerators
    """Before the line is rounded, over `scale`."""
    amount: Numerators
    """After the line is rounded, over `scale`."""
    scale: int
    outcome: NDArray[np.uint8]
    """Each record's Outcome; a record that could not be rated is on no line."""
    parts: PartSums
    """What each rate contributes, ordered by bill and rate."""
    ledger: Ledger | None = None
    """The accounts after the records; None where the tariff keeps none."""

    def __len__(self) -> int:
        return len(self.bill)

    @property
    def failed(self) -> Ints:
        """Rows of the records that could not be rated."""
        return np.flatnonzero(self.outcome)

    def of(self, bill: int = 0) -> tuple[Line, ...]:
        """One bill's lines, with their derivation."""
        low, high = np.searchsorted(self.bill, [bill, bill + 1])
        return tuple(self._line(row) for row in range(low, high))

    def _line(self, row: int) -> Line:
        tables = tables_of(self.tariff)
        parts = self.parts
        low, high = np.searchsorted(parts.bill, [self.bill[row], self.bill[row] + 1])
        mine = [part for part in range(low, high) if tables.line_of[parts.rate[part]] == self.line[row]]
        return Line(
            name=self.names[self.line[row]],
            records=int(self.records[row]),
            quantity=int(self.quantity[row]),
            units=int(self.units[row]),
            exact=Fraction(int(self.exact[row]), self.scale),
            amount=Fraction(int(self.amount[row]), self.scale),
            rounding=self.tariff.line_rounding,
            parts=tuple(self._part(tables.rows[parts.rate[part]], part) for part in mine),
        )

    def _part(self, row: RateRow, part: int) -> LinePart:
        parts, rate = self.parts, row.rate
        return LinePart(
            service=rate.service,
            zone=rate.zone,
            band=rate.band,
            roaming=rate.roaming,
            version=self.tariff.versions[row.version].active_from,
            quantity=int(parts.quantity[part]),
            units=tuple((int(parts.units[s, part]), step.price) for s, step in enumerate(rate.steps)),
            connections=int(parts.connections[part]),
            connection_fee=rate.connection_fee,
            amount=Fraction(int(parts.amount[part]), self.scale),
            covered=int(parts.covered[part]),
        )


def rate_lines(
    columns: UsageColumns, tariff: Tariff, bill: NDArray[np.int64] | None = None, ledger: Ledger | None = None
) -> LineColumns:
    """The bill lines that the records make.

    `bill` says to which bill each record belongs (integers from 0; any numbering of subscriber and cycle); without it
    all records make one bill, number 0. Where the tariff keeps accounts, bills are the accounts of `ledger`.
    """
    tables = tables_of(tariff)
    bills = np.zeros(len(columns), np.int64) if bill is None else np.asarray(bill)
    if (
        len(bills) != len(columns)
        or bills.dtype.kind not in "iu"
        or (len(bills) and not 0 <= bills.min() <= bills.max() < 2**31)
    ):
        raise InvalidRecord("bill", f"{len(bills)} x {bills.dtype}", f"{len(columns)} integers from 0 to 2**31 - 1")
    bills = bills.astype(np.int64, copy=False)
    accounts_of(columns, tables, ledger, bills)
    return lines_from(sum_parts(columns, tables, bills, ledger=ledger), tables)


def lines_from(summed: Summed, tables: Tables) -> LineColumns:
    """The lines that summed parts make."""
    parts = summed.parts
    count = len(tables.lines)
    keys, which = np.unique(parts.bill * count + tables.line_of[parts.rate], return_inverse=True)
    exact = sum_by(which, parts.amount, len(keys))
    rounding = tables.tariff.line_rounding
    amount = exact if rounding is None else round_to(exact, tables.rounding_step(rounding), rounding.method)
    return LineColumns(
        tariff=tables.tariff,
        bill=keys // count,
        line=keys % count,
        names=tables.lines,
        records=sum_by(which, parts.records, len(keys)),
        quantity=sum_by(which, parts.quantity, len(keys)),
        units=sum_by(which, total(parts.units), len(keys)),
        exact=exact,
        amount=amount,
        scale=tables.scale,
        outcome=summed.outcome,
        parts=parts,
        ledger=summed.ledger,
    )
