"""Subscribers, their usage, and the bills that are right for it: what errors are seeded into.

The bills are made with the rating library, as a billing system would, not by the service that checks them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

import numpy as np

from billing_accuracy.domain.bills import Bill, BillLine, BillTax, BillTotals, LineType
from billing_accuracy.domain.entries import AccountEntry, EntryKind
from billing_accuracy.domain.usage import AccountFacts, Balance, BillCase, PlanPeriod, Subscription, segments_of
from billing_accuracy.domain.usage_table import UsageTable
from rating import (
    Account,
    Cycle,
    Ledger,
    Line,
    Tariff,
    UsageColumns,
    apply_rules,
    keeps_accounts,
    load_tariff,
    open_account,
    rate_batch,
    rate_lines,
    recurring_amounts,
)

CYCLE: Final = Cycle(datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC))
"""February in Vienna."""
SINCE: Final = datetime(2024, 6, 1, tzinfo=UTC)
NOTHING: Final = Fraction()
SIM: Final = Fraction("9.9")
"""What the SIM card costs."""
_RECORDS: Final = 60
_BANDS: Final = (("day", "08:00", "18:00"), ("evening", "18:00", "22:00"), ("night", "22:00", "08:00"))
_ZONES: Final = {"home": "43", "near": "49", "far": "1"}
_Prices = dict[str, tuple[str, ...]]
_OLD: Final[_Prices] = {
    "home": ("0.12", "0.08", "0.045"),
    "near": ("0.19", "0.15", "0.11"),
    "far": ("0.59", "0.49", "0.39"),
}
_NEW: Final[_Prices] = {
    "home": ("0.14", "0.09", "0.05"),
    "near": ("0.23", "0.17", "0.13"),
    "far": ("0.65", "0.55", "0.41"),
}
_BUNDLE: Final[_Prices] = {
    "home": ("0.16", "0.10", "0.06"),
    "near": ("0.26", "0.18", "0.14"),
    "far": ("0.69", "0.57", "0.43"),
}


def _document(plan: str, versions: Sequence[tuple[str, dict[str, tuple[str, ...]]]], **more: Any) -> str:
    """Any: parts of a document."""
    return json.dumps(
        {
            "format": "cxmesh-tariff/1",
            "id": plan,
            "name": plan,
            "currency": "EUR",
            "time_zone": "Europe/Vienna",
            "rounding": {"line": {"method": "half_up", "decimals": 2}},
            "versions": [_version(since, prices, **more) for since, prices in versions],
        }
    )


def _version(since: str, prices: dict[str, tuple[str, ...]], **more: Any) -> dict[str, object]:
    """Any: as above."""
    bands = [{"band": band, "from": low, "to": high} for band, low, high in _BANDS]
    rates: list[dict[str, object]] = [
        {
            "line": f"voice.{zone}.{band}",
            "service": "voice",
            "zone": zone,
            "band": band,
            "price": price,
            "per": "minute",
        }
        for zone, of_bands in prices.items()
        for (band, *_), price in zip(_BANDS, of_bands, strict=True)
    ]
    rates += [
        {"line": "data", "service": "data", "price": "0.02", "per": "megabyte"},
        {"line": "sms", "service": "sms", "price": "0.07", "per": 1},
        {"line": "mms", "service": "mms", "price": "0.29", "per": 1},
    ]
    return {
        "from": since,
        "schedules": [{"id": "hours", "bands": bands}],
        "zones": [{"id": zone, "prefixes": [prefix]} for zone, prefix in _ZONES.items()],
        "rates": rates,
        "recurring": [{"line": "monthly", "name": "Monthly fee", "amount": "14.90", "proration": "by_day"}],
        "one_offs": [{"id": "sim", "line": "sim", "name": "SIM card", "amount": "9.90"}],
        "taxes": [{"id": "vat", "name": "VAT", "percent": "20"}],
        **more,
    }


_MINUTES = [{"line": f"voice.home.{band}"} for band, *_ in _BANDS]
TARIFFS: Final[dict[str, Tariff]] = {
    "plans/classic": load_tariff(
        _document(
            "classic",
            [("2024-01-01", _OLD), ("2026-01-01", _NEW)],
            discounts=[{"id": "loyal", "name": "Loyalty", "percent": "10", "lines": ["data"]}],
        )
    ),
    "plans/bundle": load_tariff(
        _document(
            "bundle",
            [("2024-01-01", _BUNDLE)],
            allowances=[{"id": "minutes", "name": "Minutes", "unit": "minute", "amount": "15", "covers": _MINUTES}],
        )
    ),
}


@dataclass(frozen=True)
class Draft:
    """A bill before what follows from its lines is made."""

    subscriber: Subscriber
    charges: tuple[BillLine, ...]
    """Usage, recurring and one-off charges, in order of the bill."""
    credits: tuple[BillLine, ...]
    """Not taxed."""

    def bill(self, number: int, *, tariff: Tariff | None = None) -> Bill:
        """With discounts and taxes as the rules of the plan (or of another) make them, and all totals stated."""
        rules = tariff or TARIFFS[self.subscriber.plan]
        version = rules.version_at(self.subscriber.held.start)
        if version is None:
            raise ValueError(f"{self.subscriber.plan} has no prices")
        ruled = apply_rules(version, rules.line_rounding, [(one.charge_code, one.amount) for one in self.charges])
        discounts = [
            BillLine(f"{one.rule}-{place}", LineType.DISCOUNT, one.rule, None, None, one.amount)
            for place, one in enumerate(ruled.discounts)
        ]
        taxes = tuple(BillTax(tax.id, tax.percent, tax.base, tax.amount) for tax in ruled.taxes)
        lines = (*self.charges, *discounts, *self.credits)
        return with_totals(
            Bill(
                f"b-{number}", self.subscriber.name, CYCLE.start, CYCLE.end, "EUR", lines, NOTHING, b"", taxes,
                BillTotals(balance_brought_forward=self.subscriber.owed, paid=self.subscriber.owed),
            )
        )  # fmt: skip


def with_totals(bill: Bill) -> Bill:
    """All totals as they follow from the lines and taxes."""
    tax = sum((one.amount for one in bill.taxes), NOTHING)
    net = sum((one.amount for one in bill.lines if one.line_type is not LineType.DISCOUNT), NOTHING)
    off = -sum((one.amount for one in bill.lines if one.line_type is LineType.DISCOUNT), NOTHING)
    total, said = net - off + tax, bill.totals
    due = total + (said.balance_brought_forward or NOTHING) - (said.paid or NOTHING)
    stated = replace(
        said, lines_net=net, allowances=off, tax_exclusive=net - off, tax=tax, tax_inclusive=total, amount_due=due
    )
    return replace(bill, total=total, totals=stated)


@dataclass(frozen=True)
class Subscriber:
    """Who is billed."""

    name: str
    plan: str
    held: Cycle
    """The part of the period in which the plan was held."""
    low: int
    high: int
    """Rows of the usage."""
    entries: tuple[AccountEntry, ...]
    owed: Fraction

    def case(self, bill: Bill) -> BillCase:
        """The bill with what is known of its account."""
        since = SINCE if self.held.start == CYCLE.start else self.held.start
        subscription = Subscription(self.name, "customers/c", (PlanPeriod(self.plan, since, None),))
        account = AccountFacts(self.entries, Balance(self.owed, self.owed, "known"))
        return BillCase(bill, subscription, segments_of(bill, subscription), account)


class World:
    """So many subscribers with their usage."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.subscribers = [_subscriber(number, random) for number in range(count)]
        self.usage = UsageTable.of(*_usage(self.subscribers, random))

    def right(self, who: Subscriber) -> Draft:
        """The bill that is right."""
        return self.rated(who, TARIFFS[who.plan])

    def rated(self, who: Subscriber, tariff: Tariff, *, allowances: bool = True, days: int | None = None) -> Draft:
        """The bill of the usage under a tariff, with its allowances or without, the fee for other days if said."""
        lines = self._lines(who, tariff, who.held if allowances else None)
        held = who.held if days is None else Cycle(CYCLE.end - timedelta(days=days), CYCLE.end)
        charges = [_line(line) for line in lines]
        charges += [
            BillLine(one.line, LineType.RECURRING, one.line, None, None, one.amount)
            for one in recurring_amounts(tariff, CYCLE, held)
        ]
        acts = [one for one in who.entries if one.kind is EntryKind.ONE_OFF]
        charges += [BillLine(one.charge_code, LineType.ONE_OFF, one.charge_code, None, None, SIM) for one in acts]
        granted = [one for one in who.entries if one.kind is EntryKind.CREDIT]
        credits_ = [
            BillLine(one.charge_code, LineType.CREDIT, one.charge_code, None, None, -(one.amount or NOTHING))
            for one in granted
        ]
        return Draft(who, tuple(charges), tuple(credits_))

    def exact(self, who: Subscriber) -> dict[str, Fraction]:
        """What each usage charge comes to before it is rounded."""
        return {line.name: line.exact for line in self._lines(who, TARIFFS[who.plan], who.held)}

    def seconds_on(self, who: Subscriber, code: str) -> list[int]:
        """What each record uses on a charge."""
        tariff = TARIFFS[who.plan]
        ledger = Ledger.of(tariff, [open_account(tariff, CYCLE, who.held)]) if keeps_accounts(tariff) else None
        rated = rate_batch(self.usage.columns.rows(slice(who.low, who.high)), tariff, ledger)
        rows = [row for row, line in enumerate(rated.line.tolist()) if rated.lines[line] == code]
        used: dict[int, int] = {}
        for row in rows:
            record = int(rated.pieces.record[row])
            used[record] = used.get(record, 0) + int(rated.pieces.quantity[row])
        return list(used.values())

    def _lines(self, who: Subscriber, tariff: Tariff, held: Cycle | None) -> Sequence[Line]:
        """Usage rated; without allowances where `held` is None."""
        account = open_account(tariff, CYCLE, held) if held and keeps_accounts(tariff) else Account()
        ledger = Ledger.of(tariff, [account]) if keeps_accounts(tariff) else None
        return rate_lines(self.usage.columns.rows(slice(who.low, who.high)), tariff, ledger=ledger).of()


def _line(line: Line) -> BillLine:
    return BillLine(line.name, LineType.USAGE, line.name, line.records, line.quantity, line.amount)


def _subscriber(number: int, random: np.random.Generator) -> Subscriber:
    name = f"subscriptions/s-{number}"
    plan = "plans/bundle" if number % 3 == 0 else "plans/classic"
    joined = CYCLE.start + timedelta(days=int(random.integers(3, 20))) if number % 5 == 0 else CYCLE.start
    entries = []
    if number % 2:
        entries.append(_entry(name, number, EntryKind.ONE_OFF, "sim", None))
    if number % 4 < 2:
        amount = Fraction(int(random.integers(100, 900)), 100)
        entries.append(_entry(name, number, EntryKind.CREDIT, "goodwill", amount))
    owed = Fraction(int(random.integers(0, 5000)), 100)
    low = number * _RECORDS
    return Subscriber(name, plan, Cycle(joined, CYCLE.end), low, low + _RECORDS, tuple(entries), owed)


def _entry(name: str, number: int, kind: EntryKind, code: str, amount: Fraction | None) -> AccountEntry:
    return AccountEntry(
        source="crm",
        entry_id=f"{kind}-{number}",
        subscription=name,
        kind=kind,
        time=CYCLE.end - timedelta(days=2),
        charge_code=code,
        amount=amount,
        currency="" if amount is None else "EUR",
        tax_exempt=kind is EntryKind.CREDIT,
        reason="",
        reference="",
    )


def _usage(
    subscribers: Sequence[Subscriber], random: np.random.Generator
) -> tuple[UsageColumns, np.ndarray[Any, Any], dict[str, tuple[int, int]]]:
    """Any: numpy's own. Calls to all zones at all hours, data, text messages; picture messages are never used."""
    starts, kinds, sizes, numbers = [], [], [], []
    for one in subscribers:
        low, high = int(one.held.start.timestamp()), int(one.held.end.timestamp()) - 7200
        starts.append(np.sort(random.choice(np.arange(low, high), _RECORDS, replace=False)))
        kinds.append(random.permutation(np.array(["voice"] * 45 + ["data"] * 9 + ["sms"] * 6)))
        sizes.append(np.ceil(random.exponential(150, _RECORDS)).astype(np.int64) + 1)
        numbers.append(random.choice(np.array(["43", "43", "43", "49", "1"]), _RECORDS))
    kind, size = np.concatenate(kinds), np.concatenate(sizes)
    quantity = np.where(kind == "data", size * 30_000, np.where(kind == "voice", size, 1))
    tails = random.integers(10**8, 10**9, len(kind)).astype(np.str_)
    destination = np.where(kind == "data", "", np.char.add(np.concatenate(numbers), tails))
    start = np.concatenate(starts)
    columns = UsageColumns.of(service=kind, start=start, quantity=quantity, destination=destination)
    return columns, start * 1_000_000, {one.name: (one.low, one.high) for one in subscribers}
