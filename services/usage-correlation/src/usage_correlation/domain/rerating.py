"""What must be booked when the records of whole bill cycles are rated anew, in order of events?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from rating import Outcome, Tariff, UsageColumns, keeps_accounts, rate_lines
from usage_correlation.domain.amounts import NOTHING, Amount
from usage_correlation.domain.book import Book, MeteredRows, Place, rate_in_order
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.totals import Change, ChargeName, Latest, latest_of, line_totals
from usage_correlation.domain.usage import UsageBatch


class Reason(StrEnum):
    """Why a bill cycle was rated anew."""

    LATE_RECORD = "late_record"
    """A record came that began before others that had been rated."""
    SUBSCRIPTION_CHANGED = "subscription_changed"
    """The plan that was in force then is another."""
    TARIFF_CHANGED = "tariff_changed"
    """The plan's prices of then are others."""


class BookingKind(StrEnum):
    """What a booking is."""

    CHARGE = "charge"
    REVERSAL = "reversal"
    """Takes back what stood in the books: its figures are negative."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bill cycle's records come to under one charge."""

    record_count: int
    quantity: int
    amount: Amount

    def __neg__(self) -> "Figures":
        return Figures(-self.record_count, -self.quantity, Amount(-self.amount.numerator, self.amount.scale))

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.record_count + other.record_count, self.quantity + other.quantity, self.amount + other.amount
        )

    def same(self, other: "Figures") -> bool:
        """Whether both say the same, whatever their scales."""
        counts = self.record_count == other.record_count and self.quantity == other.quantity
        return counts and self.amount.fraction == other.amount.fraction


NO_FIGURES = Figures(0, 0, NOTHING)


@dataclass(frozen=True, slots=True)
class Booking:
    """One line in the books of re-rating."""

    account: int
    charge: ChargeName
    kind: BookingKind
    figures: Figures


Standing = Mapping[tuple[int, ChargeName], Figures]
"""By account and charge: what the counters say."""


@dataclass(frozen=True, slots=True)
class Rerated:
    """Bill cycles rated anew."""

    batch: UsageBatch
    """All their records, those that are new included."""
    accounts: Sequence[Account]
    usages: Sequence[PlanUsage]
    changes: Sequence[Change]
    bookings: Sequence[Booking]
    latest: Sequence[Latest]
    unrated: int
    """Records that have no price now, and no charge."""

    def touched(self) -> set[int]:
        """Accounts of which anything changed."""
        return {change.account for change in self.changes}


def rerate(
    book: Book,
    stored: MeteredRows,
    standing: Standing,
    tariffs: Mapping[str, Tariff],
    *,
    metered_only: bool,
) -> Rerated:
    """Rate all records of some accounts anew. The book must know nothing of the cycles concerned.

    `tariffs` are those of all plans; `metered_only` leaves the others, and their counters, as they are.
    """
    placed = _by_kind(stored, tariffs)
    usages = rate_in_order(book, MeteredRows(stored.batch, placed.metered, stored.account_of, stored.accounts))
    unrated = placed.unrated + sum(len(usage.lines.failed) for usage in usages)
    usages = [_rated_alone(usage) for usage in usages]
    if not metered_only:
        for plan, rows in sorted(placed.others.items()):
            usage = _rate(stored, plan, tariffs[plan], rows)
            unrated += len(rows) - len(usage.rows)
            usages.append(usage)
    now = _figures(usages)
    mine = {
        key: figures for key, figures in standing.items() if not metered_only or _is_metered(tariffs.get(key[1].plan))
    }
    changes, bookings = _compare(now, mine)
    starts = np.array(stored.batch.starts, np.int64)
    latest = [
        Latest(account, each.currency, micros)
        for each in latest_of(usages, starts)
        for account, micros in zip(each.accounts.tolist(), each.micros.tolist(), strict=True)
    ]
    known = {(each.account, each.currency) for each in latest}
    gone = {(change.account, change.charge.currency) for change in changes} - known
    latest += [Latest(account, currency, 0) for account, currency in sorted(gone)]
    return Rerated(stored.batch, stored.accounts, usages, tuple(changes), tuple(bookings), latest, unrated)


@dataclass(frozen=True, slots=True)
class _Kinds:
    metered: list[int]
    others: dict[str, list[int]]
    unrated: int


def _is_metered(tariff: Tariff | None) -> bool:
    return tariff is not None and keeps_accounts(tariff)


def _by_kind(stored: MeteredRows, tariffs: Mapping[str, Tariff]) -> _Kinds:
    metered: list[int] = []
    others: dict[str, list[int]] = {}
    unrated = 0
    kinds = {plan: keeps_accounts(tariff) for plan, tariff in tariffs.items()}
    for row in stored.rows:
        subscription = stored.accounts[stored.account_of[row]].subscriber.subscription
        start = stored.batch.starts[row]
        plan = subscription.plan_at(start) if start >= subscription.activate_micros else None
        if plan is None or plan not in kinds:
            unrated += 1
        elif kinds[plan]:
            metered.append(row)
        else:
            others.setdefault(plan, []).append(row)
    return _Kinds(metered, others, unrated)


def _rate(stored: MeteredRows, plan: str, tariff: Tariff, rows: Sequence[int]) -> PlanUsage:
    columns: UsageColumns = stored.batch.columns(rows, tariff.currency)
    at = np.array(rows, np.int64)
    accounts = np.array(stored.account_of, np.int64)[at]
    lines = rate_lines(columns, tariff, accounts)
    sound = lines.outcome == Outcome.RATED
    return PlanUsage(plan, tariff, at[sound], columns.rows(sound), accounts[sound], lines)


def _rated_alone(usage: PlanUsage) -> PlanUsage:
    """The usage without the records that have no price."""
    if not len(usage.lines.failed) or usage.bills is None:
        return usage
    sound = usage.lines.outcome == Outcome.RATED
    return PlanUsage(
        usage.plan,
        usage.tariff,
        usage.rows[sound],
        usage.columns.rows(sound),
        usage.accounts[sound],
        usage.lines,
        usage.ledger,
        usage.bills[sound],
    )


def _figures(usages: Iterable[PlanUsage]) -> dict[tuple[int, ChargeName], Figures]:
    found: dict[tuple[int, ChargeName], Figures] = {}
    for usage in usages:
        totals = line_totals(usage)
        rows = zip(
            totals.accounts.tolist(),
            totals.charge_of.tolist(),
            totals.record_counts.tolist(),
            totals.quantities,
            totals.amounts,
            strict=True,
        )
        for account, charge, records, quantity, amount in rows:
            key = (account, totals.charges[charge])
            figures = Figures(records, quantity, Amount(amount, totals.scale))
            found[key] = found[key] + figures if key in found else figures
    return found


def _compare(now: Mapping[tuple[int, ChargeName], Figures], before: Standing) -> tuple[list[Change], list[Booking]]:
    changes: list[Change] = []
    bookings: list[Booking] = []
    for account, charge in sorted(now.keys() | before.keys()):
        new, old = now.get((account, charge), NO_FIGURES), before.get((account, charge), NO_FIGURES)
        if new.same(old):
            continue
        change = new + -old
        changes.append(Change(account, charge, change.record_count, change.quantity, change.amount))
        if not old.same(NO_FIGURES):
            bookings.append(Booking(account, charge, BookingKind.REVERSAL, -old))
        if not new.same(NO_FIGURES):
            bookings.append(Booking(account, charge, BookingKind.CHARGE, new))
    return changes, bookings


def costs_by_record(rerated: Rerated, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, Fraction]]:
    """(account, cost) of some of the records, by key; those without a price are left out."""
    found: dict[tuple[str, str], tuple[int, Fraction]] = {}
    for usage in rerated.usages:
        wanted = np.array([rerated.batch.key(row) in keys for row in usage.rows.tolist()], bool)
        if not wanted.any():
            continue
        amounts, scale = usage.costs(wanted)
        rows = zip(usage.rows[wanted].tolist(), usage.accounts[wanted].tolist(), amounts, strict=True)
        for row, account, amount in rows:
            found[rerated.batch.key(row)] = (account, Fraction(amount, scale))
    return found


def places(accounts: Iterable[Account]) -> set[Place]:
    """Where the accounts' bill cycles are kept."""
    return {(account.subscriber.key, account.cycle.start_micros) for account in accounts}
