"""Which incomes are new, which were known, and which contradict what is known?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from value_network_sla.domain.settlement.income import Income
from value_network_sla.handlers.ports import Work


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch."""

    recorded: int
    known: int
    conflicts: Sequence[int]
    """Places of incomes that have another content than what is kept under their source and id."""


async def record_incomes(work: Work, incomes: Mapping[int, Income]) -> Recorded:
    """Keep those that are new; by their place in the request."""
    first: dict[tuple[str, str], Income] = {}
    for income in incomes.values():
        first.setdefault((income.source, income.income_id), income)
    new = set(await work.records.settlement.incomes.add(list(first.values()), work.now)) if first else set()
    old = [key for key in first if key not in new]
    kept = {**first, **{_key(each): each for each in await work.records.settlement.incomes.known(old)}}
    conflicts = [place for place, income in incomes.items() if kept[_key(income)] != income]
    return Recorded(len(new), len(incomes) - len(new) - len(conflicts), conflicts)


def _key(income: Income) -> tuple[str, str]:
    return income.source, income.income_id
