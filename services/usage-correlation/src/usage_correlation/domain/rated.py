"""What do the records of a batch come to, plan by plan, and which of them has no price?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating import (
    SERVICES,
    Account,
    Ledger,
    LineColumns,
    Outcome,
    Tariff,
    UsageColumns,
    format_amount,
    keeps_accounts,
    rate_batch,
    rate_lines,
)
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.placement import NOWHERE, Placement
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.usage import UsageBatch

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlanUsage:
    """The records of a batch that one plan rates."""

    plan: str
    tariff: Tariff
    rows: Integers
    """In the batch."""
    columns: UsageColumns
    accounts: Integers
    """Each record's account, as the placement numbers them."""
    lines: LineColumns
    """What the records come to, by account and bill line."""
    ledger: Ledger | None = None
    """Where the plan is metered: what the records drew on, before them."""
    bills: Integers | None = None
    """Each record's number in the ledger."""
    found_costs: tuple[tuple[int, ...], int] | None = None
    """What each record costs, and over which scale, where re-rating of whole cycles told; `lines` are empty then."""

    def costs(self, wanted: NDArray[np.bool_]) -> tuple[list[int], int]:
        """What each of the wanted records costs, and over which scale."""
        if self.found_costs is not None:
            amounts, scale = self.found_costs
            return [amounts[number] for number in np.flatnonzero(wanted).tolist()], scale
        if self.ledger is None:
            rated = rate_batch(self.columns.rows(wanted), self.tariff)
            return rated.record_amounts.tolist(), rated.scale
        rated = rate_batch(self.columns, self.tariff, self.ledger, self.bills)  # others may share their allowances
        return rated.record_amounts[wanted].tolist(), rated.scale

    def only(self, kept: NDArray[np.bool_]) -> "PlanUsage":
        """The same for some of the rows of the batch (a mask over all of it)."""
        chosen = kept[self.rows]
        if chosen.all():
            return self
        rows, columns, accounts = self.rows[chosen], self.columns.rows(chosen), self.accounts[chosen]
        return PlanUsage(self.plan, self.tariff, rows, columns, accounts, rate_lines(columns, self.tariff, accounts))


@dataclass(frozen=True, slots=True)
class RecordCost:
    """What one record of a batch costs, exact."""

    row: int
    cost: Fraction
    currency: str


def record_costs(usages: Sequence[PlanUsage], accounts: Collection[int]) -> dict[int, list[RecordCost]]:
    """The records of some accounts with their costs, by account, each account's by start (in seconds) and row."""
    wanted = np.fromiter(accounts, np.int64)
    found: dict[int, list[tuple[int, RecordCost]]] = {account: [] for account in accounts}
    for usage in usages:
        mine = np.isin(usage.accounts, wanted)
        amounts, scale = usage.costs(mine)
        columns = (usage.accounts[mine].tolist(), usage.columns.start[mine].tolist(), usage.rows[mine].tolist())
        for account, start, row, amount in zip(*columns, amounts, strict=True):
            cost = RecordCost(row, Fraction(amount, scale), usage.tariff.currency)
            found[account].append((start, cost))
    return {
        account: [cost for _, cost in sorted(costs, key=lambda each: (each[0], each[1].row))]
        for account, costs in found.items()
    }


@dataclass(frozen=True, slots=True)
class Ratings:
    """A batch, rated as far as it can be before anything is locked."""

    usages: list[PlanUsage] = field(default_factory=list)
    """Under plans whose prices depend on the record alone."""
    metered: dict[str, Tariff] = field(default_factory=dict)
    """The other plans of the batch: allowances and tiers decide."""
    metered_rows: list[int] = field(default_factory=list)
    """Their records; each has a price."""


def rate_by_plan(batch: UsageBatch, placement: Placement, tariffs: Mapping[str, Tariff | Refusal]) -> Ratings:
    """Rate all placed records, or see that they have a price; those without are refused in `placement`.

    A plan may stand in `tariffs` with a refusal for all its records instead of a tariff.
    """
    ratings = Ratings()
    for plan, rows in sorted(placement.rows_by_plan.items()):
        tariff = tariffs[plan]
        if isinstance(tariff, Refusal):
            for row in rows:
                placement.refuse(row, tariff)
        elif keeps_accounts(tariff):
            ratings.metered[plan] = tariff
            ratings.metered_rows.extend(_priced(batch, placement, plan, tariff, rows))
        else:
            ratings.usages.append(_rate(batch, placement, plan, tariff, rows))
    return ratings


def _rate(batch: UsageBatch, placement: Placement, plan: str, tariff: Tariff, rows: Sequence[int]) -> PlanUsage:
    columns = batch.columns(rows, tariff.currency)
    at = np.array(rows, np.int64)
    accounts = np.array(placement.account_of, np.int64)[at]
    lines = rate_lines(columns, tariff, accounts)
    if len(lines.failed):
        sound = _sound(batch, placement, (plan, tariff), rows, lines)
        at, columns, accounts = at[sound], columns.rows(sound), accounts[sound]
    return PlanUsage(plan, tariff, at, columns, accounts, lines)


def _priced(batch: UsageBatch, placement: Placement, plan: str, tariff: Tariff, rows: Sequence[int]) -> list[int]:
    """The rows that have a price, whatever the account."""
    lines = rate_lines(batch.columns(rows, tariff.currency), tariff, None, Ledger.of(tariff, [Account()]))
    if not len(lines.failed):
        return list(rows)
    sound = _sound(batch, placement, (plan, tariff), rows, lines)
    return [row for row, is_sound in zip(rows, sound.tolist(), strict=True) if is_sound]


def _sound(
    batch: UsageBatch, placement: Placement, under: tuple[str, Tariff], rows: Sequence[int], lines: LineColumns
) -> NDArray[np.bool_]:
    """Which rows have a price under a plan and its tariff; the others are refused."""
    for failed in lines.failed:
        row = rows[failed]
        placement.refuse(row, _unrated(batch, row, under, Outcome(int(lines.outcome[failed]))))
    sound: NDArray[np.bool_] = lines.outcome == Outcome.RATED
    return sound


def _unrated(batch: UsageBatch, row: int, under: tuple[str, Tariff], outcome: Outcome) -> Refusal:
    """Why the record has no price; the destination is personal and stays out of it."""
    (plan, tariff), service = under, SERVICES[batch.services[row]]
    value = batch.values[row] if batch.values else None
    if outcome is Outcome.VALUE_OUT_OF_RANGE and value is not None:
        shown = f"{format_amount(Fraction(value.micros, MICROS), 0)} {value.currency}"
        return Refusal(
            Reason.NOT_RATEABLE, "value", f"{shown}: must be in {tariff.currency}, the currency of plans/{plan}"
        )
    if outcome is Outcome.QUANTITY_TOO_LARGE:
        description = f"{batch.quantities[row]}: more than one record of {service} can hold"
        return Refusal(Reason.INVALID_RECORD, "quantity", description)
    if outcome is Outcome.BEFORE_FIRST_VERSION:
        description = f"plans/{plan} had no tariff in force when the record began"
        return Refusal(Reason.NOT_RATEABLE, "start_time", description)
    where = " to its destination" if batch.destinations[row] else ""
    network = batch.visited_networks[row]
    where += f" from network {network}" if network else ""
    return Refusal(Reason.NOT_RATEABLE, "usage_type", f"plans/{plan} has no rate for {service}{where}")


def kept_rows(placement: Placement) -> list[int]:
    """The rows that were neither refused nor without a price, in order."""
    return [row for row, account in enumerate(placement.account_of) if account != NOWHERE]
