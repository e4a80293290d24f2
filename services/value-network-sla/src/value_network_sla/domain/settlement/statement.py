"""What is a partner owed for a period, and what has changed since that was last stated?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from apportioning.evidence.canonical import Json
from value_network_sla.domain.money import Money

LONGEST_PERIOD = timedelta(days=366)


class LineKind(StrEnum):
    """What an amount is."""

    REVENUE = "REVENUE"
    PENALTY = "PENALTY"
    CREDIT = "CREDIT"
    ADJUSTMENT = "ADJUSTMENT"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that is settled at once."""

    start: datetime
    end: datetime
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class Item:
    """One amount of a period, as it stands now."""

    kind: LineKind
    key: str
    """What it is about: the same thing has the same key in every statement."""
    amount: int
    """Whole smallest units; above zero to the partner, below from it."""
    currency: str
    description: str
    agreement: str = ""
    """The partner's own that it stands on."""
    breach: str = ""
    """Of an agreement of the partner."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """What it follows from, as far as the partner may see it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One amount of a statement."""

    number: int
    """From 1."""
    kind: LineKind
    key: str
    amount: int
    """Whole smallest units; of a statement that corrects another: the difference."""
    currency: str
    description: str
    agreement: str = ""
    breach: str = ""

    @property
    def money(self) -> Money:
        """The amount with its currency."""
        return Money.of_units(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class AgreementSummary:
    """How an agreement was kept in a period."""

    agreement: str
    objective_ppm: int
    sessions: int
    hits: int
    visits: int
    good: int
    breaches: int
    lateness_ns: int
    """The partner's, in the sessions in which a visit under the agreement was late or failed."""
    all_lateness_ns: int
    """Everybody's, in these."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was stated, for good."""

    name: str
    """`statements/{partner}.{start of the period in Unix seconds}.{sequence}`."""
    partner: str
    period: Period
    sequence: int
    corrects: str
    """The statement before of the same period; empty for the first."""
    summaries: Sequence[AgreementSummary]
    lines: Sequence[Line]
    issue_time: datetime
    claim_end_time: datetime

    def line(self, number: int) -> Line | None:
        """The line of that number."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else None

    @property
    def net(self) -> Mapping[str, int]:
        """By currency: the sum of the lines."""
        total: dict[str, int] = {}
        for line in self.lines:
            total[line.currency] = total.get(line.currency, 0) + line.amount
        return total

    @property
    def totals(self) -> Mapping[tuple[LineKind, str], int]:
        """By kind and currency: the sum of the lines."""
        total: dict[tuple[LineKind, str], int] = {}
        for line in self.lines:
            total[line.kind, line.currency] = total.get((line.kind, line.currency), 0) + line.amount
        return total


def statement_name(partner: str, period: Period, sequence: int) -> str:
    """`statements/{partner}.{start of the period in Unix seconds}.{sequence}`."""
    return f"statements/{partner.removeprefix('partners/')}.{int(period.start.timestamp())}.{sequence}"


def evidence_of_line(statement: str, number: int) -> str:
    """`evidence/line.{statement}.{number}`."""
    return f"evidence/line.{statement.removeprefix('statements/')}.{number}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to be, and what its amount follows from."""

    item: Item
    before: int
    """What earlier statements of the period say of the same thing."""

    @property
    def amount(self) -> int:
        """What is to be stated now."""
        return self.item.amount - self.before

    @property
    def inputs(self) -> Mapping[str, Json]:
        """Of the item, and what was stated before."""
        return {**self.item.inputs, "before": self.before} if self.before else self.item.inputs


def entries(items: Iterable[Item], stated: Iterable[Line]) -> Sequence[Entry]:
    """What is to be stated of the items, given the lines of all earlier statements of the period.

    What was stated and is no more is taken back. What comes to nothing, and came to nothing before, is left out.
    """
    before: dict[tuple[str, str], Line] = {}
    sums: dict[tuple[str, str], int] = {}
    for line in stated:
        before[line.key, line.currency] = line
        sums[line.key, line.currency] = sums.get((line.key, line.currency), 0) + line.amount
    now = {(item.key, item.currency): item for item in items}
    for key, line in before.items():
        if key not in now and line.kind is not LineKind.ADJUSTMENT:
            now[key] = Item(line.kind, line.key, 0, line.currency, line.description, line.agreement, line.breach)
    found = [Entry(item, sums.get(key, 0)) for key, item in now.items()]
    order = {kind: place for place, kind in enumerate(LineKind)}
    return sorted((entry for entry in found if entry.amount), key=lambda each: (order[each.item.kind], each.item.key))


def lines_of(found: Sequence[Entry]) -> Sequence[Line]:
    """The entries as lines of a statement."""
    return tuple(
        Line(
            number,
            entry.item.kind,
            entry.item.key,
            entry.amount,
            entry.item.currency,
            entry.item.description,
            entry.item.agreement,
            entry.item.breach,
        )
        for number, entry in enumerate(found, start=1)
    )
