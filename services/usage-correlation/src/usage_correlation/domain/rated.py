"""What do the records of a batch come to, plan by plan, and which of them has no price?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rating import SERVICES, LineColumns, Outcome, Tariff, UsageColumns, rate_batch, rate_lines
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
        mine = np.flatnonzero(np.isin(usage.accounts, wanted))
        rated = rate_batch(usage.columns.rows(mine), usage.tariff)
        columns = (usage.accounts[mine], usage.columns.start[mine], usage.rows[mine], rated.record_amounts)
        for account, start, row, amount in zip(*(column.tolist() for column in columns), strict=True):
            cost = RecordCost(row, Fraction(amount, rated.scale), usage.tariff.currency)
            found[account].append((start, cost))
    return {
        account: [cost for _, cost in sorted(costs, key=lambda each: (each[0], each[1].row))]
        for account, costs in found.items()
    }


def rate_by_plan(batch: UsageBatch, placement: Placement, tariffs: Mapping[str, Tariff | Refusal]) -> list[PlanUsage]:
    """Rate all placed records; those without a price are refused in `placement`.

    A plan may stand in `tariffs` with a refusal for all its records instead of a tariff.
    """
    usages = []
    for plan, rows in sorted(placement.rows_by_plan.items()):
        tariff = tariffs[plan]
        if isinstance(tariff, Refusal):
            for row in rows:
                placement.refuse(row, tariff)
        else:
            usages.append(_rate(batch, placement, plan, tariff, rows))
    return usages


def _rate(batch: UsageBatch, placement: Placement, plan: str, tariff: Tariff, rows: Sequence[int]) -> PlanUsage:
    columns = batch.columns(rows)
    at = np.array(rows, np.int64)
    accounts = np.array(placement.account_of, np.int64)[at]
    lines = rate_lines(columns, tariff, accounts)
    if len(lines.failed):
        for failed in lines.failed:
            row = rows[failed]
            placement.refuse(row, _unrated(batch, row, plan, Outcome(int(lines.outcome[failed]))))
        sound = lines.outcome == Outcome.RATED
        at, columns, accounts = at[sound], columns.rows(sound), accounts[sound]
    return PlanUsage(plan, tariff, at, columns, accounts, lines)


def _unrated(batch: UsageBatch, row: int, plan: str, outcome: Outcome) -> Refusal:
    """Why the record has no price; the destination is personal and stays out of it."""
    service = SERVICES[batch.services[row]]
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
