"""With what do thousands of accounts that began alike begin their next bill cycle? `open_account`, in columns."""

from dataclasses import replace

import numpy as np

from rating.accounts import open_account
from rating.allowance import Bucket
from rating.cycle import Cycle
from rating.ledger import Ledger
from rating.slots import Slot
from rating.tables import Tables, tables_of
from rating.timeline import to_epoch


def next_ledger(ledger: Ledger, cycle: Cycle) -> Ledger:
    """The ledger at the start of a cycle, from the one at the end of the cycle before.

    `ledger` was made by `Ledger.repeated` from an account that open_account gave, or by this function. New allowances
    stand beside what rolls over. A part that was used up stays as a bucket of nothing, which covers nothing.
    """
    tables = tables_of(ledger.tariff)
    opened = open_account(ledger.tariff, cycle)
    fresh = Ledger.repeated(ledger.tariff, [opened], ledger.count)
    rolled = [_rolled(slot, tables, cycle) for slot in ledger.slots if slot.buckets[0].rollover_cycles]
    slots = sorted([*fresh.slots, *rolled], key=lambda slot: tables.allowances.order(slot.buckets[0]))
    return replace(fresh, slots=tuple(slots))


def _rolled(slot: Slot, tables: Tables, cycle: Cycle) -> Slot:
    """The unused parts of a slot's buckets, which no block extends."""
    before = slot.buckets[0]
    bucket = Bucket(
        allowance=before.allowance,
        amount=before.amount,
        valid_from=cycle.start,
        valid_until=cycle.end,
        rollover_cycles=before.rollover_cycles - 1,
        owner=before.owner,
        is_extended=False,
    )
    left = np.maximum(slot.amount - slot.used, 0)
    return replace(
        slot,
        definition=tables.allowances.definition_of(bucket),
        buckets=(bucket,),
        amount=left,
        limit=left,
        used=np.zeros_like(left),
        valid_from=np.full(len(left), to_epoch(cycle.start), np.int64),
        valid_until=np.full(len(left), to_epoch(cycle.end), np.int64),
    )
