"""When usage is stored, which quotas has it used up?"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from mesh.store import UnitOfWork
from usage_correlation.domain.charging.sessions import parse_record_id
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.placement import Account
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter

OWN_SOURCE = "chf"
"""Usage of charging sessions comes from this source, or from a partner's of this name."""


class UsedQuota(Protocol):
    """Takes from what sessions hold, in the transaction that stores the usage."""

    async def __call__(self, uow: UnitOfWork, used: Mapping[tuple[str, str, int, int], int]) -> None:
        """`used`: quantities by subscription, session, sequence number and rating group. Nobody is granted any then."""


class UseQuotas:
    """The reaction that turns a quota into spending: the same money is never both, nor neither."""

    def __init__(self, take: UsedQuota) -> None:
        self._take = take

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """It says nothing about spending."""
        del accounts
        return {}

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival, spendings: Sequence[Spending]
    ) -> Sequence[tuple[Account, Signal]]:
        """No signals."""
        del spendings
        batch = arrival.batch
        own = {each for each in set(batch.sources) if each == OWN_SOURCE or each.endswith(f":{OWN_SOURCE}")}
        if not own:
            return ()
        used: dict[tuple[str, str, int, int], int] = {}
        for row in (int(row) for usage in arrival.usages for row in usage.rows):
            named = parse_record_id(batch.record_ids[row]) if batch.sources[row] in own else None
            if named is not None:
                key = (batch.subscriptions[row], *named)
                used[key] = used.get(key, 0) + batch.quantities[row]
        if used:
            await self._take(writer.uow, used)
        return ()
