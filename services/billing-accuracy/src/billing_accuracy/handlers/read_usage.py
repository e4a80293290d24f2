"""Which stored usage is read for bills?"""

from collections.abc import Sequence
from datetime import datetime

from billing_accuracy.domain.usage import BillCase
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.handlers.peers import Usage


async def usage_of(usage: Usage, cases: Sequence[BillCase], end: datetime) -> UsageTable:
    """All that tells what the bills should be, until `end`: of those who share allowances with them, too."""
    names = frozenset[str]().union(*(case.reads for case in cases))
    start = min(case.reads_from for case in cases)
    read = usage.in_turn if any(case.groups for case in cases) else usage.between
    return await read(names, start, end)
