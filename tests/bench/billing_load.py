"""Which usage and which bills does a bill run of the benchmark hold, as they lie in PostgreSQL and go over the wire?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

import numpy as np
import psycopg
from google.type.money_pb2 import Money

from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1.bill_run_service_pb2 import StreamBillsRequest
from rating import Cycle, Line, Tariff, UsageColumns, load_tariff, make_bill, rate_lines, to_micros
from tests.bench.billing_tariff import document
from tests.bench.stored_usage import store_usage

CYCLE: Final = Cycle(datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC))
"""February in Vienna."""
_TYPES: Final = np.array(["voice"] * 7 + ["data"] * 2 + ["sms"])
_HEADS: Final = np.array(["43", "4366", "49", "1212", "43"])


@dataclass(frozen=True)
class Subscribers:
    """Subscriptions of one prefix, `{prefix}{number}`, each with as many records."""

    prefix: str
    count: int
    records: int

    @property
    def names(self) -> list[str]:
        return [f"{self.prefix}{number}" for number in range(self.count)]


def load_usage(database: psycopg.Connection, who: Subscribers, seed: int) -> UsageColumns:
    """Store records for all of them, in the order in which they began, and give them by subscriber."""
    random = np.random.default_rng(seed)
    rows = who.count * who.records
    start = int(CYCLE.start.timestamp())
    span = int((CYCLE.end - CYCLE.start).total_seconds()) - 7200
    starts = start + np.sort(random.integers(0, span, (who.count, who.records)), axis=1).ravel()
    kinds = _TYPES[random.integers(0, len(_TYPES), rows)]
    sizes = np.ceil(random.exponential(120, rows)).astype(np.int64)
    quantities = np.where(kinds == "data", sizes * 10_000, np.where(kinds == "voice", sizes, 1))
    tails = random.integers(10**7, 10**8, rows).astype(np.str_)
    numbers = np.char.add(_HEADS[random.integers(0, len(_HEADS), rows)], tails)
    destinations = np.where(kinds == "data", "", numbers)
    columns = UsageColumns.of(service=kinds, start=starts, quantity=quantities, destination=destinations)
    store_usage(database, who.names, columns, np.repeat(np.arange(who.count), who.records))
    return columns


def right_bills(who: Subscribers, columns: UsageColumns, run: str) -> Iterator[bill_pb2.Bill]:
    """The bills that are right for the usage."""
    tariff = load_tariff(document())
    lines = rate_lines(columns, tariff, np.repeat(np.arange(who.count), who.records))
    for number, name in enumerate(who.names):
        yield _bill(f"bills/{run}-{name}", name, tariff, lines.of(number))


def parts(bill_run: str, bills: Sequence[bill_pb2.Bill], size: int) -> Iterator[bytes]:
    """What is streamed: batches of so many bills, as they go over the wire."""
    for first in range(0, len(bills), size):
        batch = bills[first : first + size]
        yield StreamBillsRequest(
            bill_run=bill_run, stream_id="bench", position=first + len(batch), bills=batch
        ).SerializeToString()


def _bill(name: str, subscription: str, tariff: Tariff, lines: tuple[Line, ...]) -> bill_pb2.Bill:
    made = make_bill(tariff, CYCLE, lines)
    bill = bill_pb2.Bill(name=name, subscription=f"subscriptions/{subscription}", total=money(made.total))
    bill.billing_period.start_time.FromDatetime(CYCLE.start)
    bill.billing_period.end_time.FromDatetime(CYCLE.end)
    for line in lines:
        bill.lines.add(
            line_id=line.name,
            line_type=bill_pb2.LINE_TYPE_USAGE,
            charge_code=line.name,
            record_count=line.records,
            quantity=line.quantity,
            amount=money(line.amount),
        )
    for one in made.recurring:
        bill.lines.add(
            line_id=one.line, line_type=bill_pb2.LINE_TYPE_RECURRING, charge_code=one.line, amount=money(one.amount)
        )
    for item in made.discounts:
        bill.lines.add(
            line_id=f"{item.rule}-{item.line}",
            line_type=bill_pb2.LINE_TYPE_DISCOUNT,
            charge_code=item.rule,
            amount=money(item.amount),
        )
    for tax in made.taxes:
        bill.taxes.add(tax_id=tax.id, percent="20", taxable_amount=money(tax.base), amount=money(tax.amount))
    return bill


def money(amount: Fraction) -> Money:
    """Euros as they are sent."""
    micros = to_micros(amount)
    sign = -1 if micros < 0 else 1
    units, rest = divmod(abs(micros), 1_000_000)
    return Money(currency_code="EUR", units=sign * units, nanos=sign * rest * 1000)
