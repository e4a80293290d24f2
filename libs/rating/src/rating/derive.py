"""How does a row of a rated batch become a charge with its derivation?"""

from fractions import Fraction

import numpy as np

from rating.charge import Charge, Cover, Credit, CycleUse
from rating.cover import Uses
from rating.measure import Pieces
from rating.price import Priced
from rating.record import UsageColumns
from rating.services import Service
from rating.settle import with_covered
from rating.tables import Numerators, Tables
from rating.timeline import from_epoch
from rating.walk import lay

_NOTHING = Fraction(0)


def charge_of(tables: Tables, columns: UsageColumns, pieces: Pieces, priced: Priced, row: int) -> Charge:
    """The charge of one row, equal to what the record-by-record path makes."""
    rate_row = tables.rows[pieces.rate[row]]
    rate, details = rate_row.rate, priced.details
    offset, units = int(pieces.offset[row]), int(sum(int(each) for each in pieces.units[:, row]))
    start = int(columns.start[pieces.record[row]]) + (offset if rate.service is Service.VOICE else 0)
    portions = lay(rate.steps, offset, offset + units, priced=rate.cycle_price is None)
    is_free = bool(details and details.is_free[row])
    covered = int(details.covered[row]) if details else 0
    cycle = None
    if rate.cycle_price and details and not is_free:
        gathered = int(details.gathered[row])
        cycle = CycleUse(rate.cycle_price, gathered, gathered + units - covered)

    def amount_in(numerators: Numerators) -> Fraction:
        return Fraction(int(numerators[row]), tables.scale)

    return Charge(
        line=rate.line,
        service=rate.service,
        zone=rate.zone,
        band=rate.band,
        roaming=rate.roaming,
        version=tables.tariff.versions[rate_row.version].active_from,
        start=from_epoch(start),
        quantity=int(pieces.quantity[row]),
        portions=with_covered(portions, covered),
        connection_fee=amount_in(priced.fee),
        exact=amount_in(priced.exact),
        amount=amount_in(priced.amount),
        covers=_covers(tables, priced, pieces, row),
        cycle=cycle,
        value=amount_in(details.value) if details else _NOTHING,
        is_free=is_free,
        capped=amount_in(details.capped) if details else _NOTHING,
        credits=_credits(tables, priced, row),
        from_fallback=rate_row.from_fallback,
    )


def _of_row(uses: list[Uses], row: int) -> list[tuple[Uses, int]]:
    return [(use, int(at)) for use in uses for at in np.flatnonzero(use.piece == row)]


def _covers(tables: Tables, priced: Priced, pieces: Pieces, row: int) -> tuple[Cover, ...]:
    if priced.details is None or priced.details.ledger is None:
        return ()
    slots, version = priced.details.ledger.slots, tables.rows[pieces.rate[row]].version
    covers = []
    for use, at in _of_row(priced.details.covers, row):
        slot = slots[use.slot]
        allowance = tables.allowances.in_version(version, slot.definition.id)
        block_price = slot.definition.block.price if slot.definition.block else _NOTHING
        covers.append(
            Cover(
                slot.definition.id,
                slot.bucket(int(use.row[at])).owner,
                int(use.amount[at]),
                allowance.price if allowance else _NOTHING,
                int(use.blocks[at]),
                block_price,
            )
        )
    return tuple(covers)


def _credits(tables: Tables, priced: Priced, row: int) -> tuple[Credit, ...]:
    if priced.details is None or priced.details.ledger is None:
        return ()
    slots = priced.details.ledger.slots
    return tuple(
        Credit(
            slots[use.slot].definition.id,
            slots[use.slot].bucket(int(use.row[at])).owner,
            Fraction(int(use.amount[at]), tables.scale),
        )
        for use, at in _of_row(priced.details.credits, row)
    )
