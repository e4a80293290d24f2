"""Which usage of bills may not be charged?"""

from collections.abc import Sequence
from dataclasses import replace

from billing_accuracy.domain.usage import BillCase
from billing_accuracy.domain.usage_table import micros_of
from billing_accuracy.handlers.peers import Usage


async def with_uncharged(usage: Usage, cases: Sequence[BillCase]) -> list[BillCase]:
    """The bills, with what a spending limit keeps off them; at least one."""
    start, end = min(case.bill.start for case in cases), max(case.bill.end for case in cases)
    found = await usage.uncharged({case.bill.subscription for case in cases}, start, end)
    if not found:
        return list(cases)
    return [
        replace(
            case,
            account=replace(
                case.account,
                uncharged=tuple(
                    one
                    for one in found.get(case.bill.subscription, ())
                    if micros_of(case.bill.start) <= one.start_micros < micros_of(case.bill.end)
                ),
            ),
        )
        for case in cases
    ]
