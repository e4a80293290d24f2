"""What would many bills of one plan and cycle come to, when what their lines hold is known already?"""

from dataclasses import dataclass

import numpy as np

from rating.amounts import round_to
from rating.blocks import Plan
from rating.cycle import Cycle
from rating.errors import RatingError
from rating.tables import Numerators, tables_of
from rating.tariff import Tariff
from rating.timeline import Ints


@dataclass(frozen=True, slots=True)
class BillTotals:
    """What bills come to; exact."""

    usage: Numerators
    """By bill, over `scale`: the sum of its lines, each rounded as the tariff declares."""
    totals: Numerators
    """By bill, over `scale`: with recurring charges, commitment, discounts and taxes, rounded as a bill."""
    scale: int


@dataclass(frozen=True, slots=True)
class _Lines:
    bill: Ints
    line: Ints
    amount: Numerators
    names: tuple[str, ...]


def bill_totals(tariff: Tariff, cycle: Cycle, exact: Numerators, held: Cycle | None = None) -> BillTotals:
    """`exact`: what lines hold before rounding, by bill (rows) and line (columns), over the scale and in the order of
    the lines that rate_batch gives for this tariff. `held` is the part of the cycle in which the plan was held.
    """
    plan = Plan.of(tariff, [cycle], held)
    tables = plan.tables
    count, lines = exact.shape
    if lines != len(tables.lines):
        raise RatingError("exact", f"{lines} columns", f"{len(tables.lines)}, one for each line of tariff {tariff.id}")
    rounding = tariff.line_rounding
    flat = exact.ravel()
    amount = flat if rounding is None else round_to(flat, tables_of(tariff).rounding_step(rounding), rounding.method)
    bill = np.repeat(np.arange(count, dtype=np.int64), lines)
    line = np.tile(np.arange(lines, dtype=np.int64), count)
    totals = plan.totals(0, _Lines(bill, line, amount, tables.lines), count)
    usage = amount.reshape(count, lines).astype(object).sum(axis=1) * (plan.scale // tables.scale)
    return BillTotals(usage, totals, plan.scale)
