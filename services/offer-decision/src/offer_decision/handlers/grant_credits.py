"""How do credits that make up for faults get onto accounts?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from offer_decision.handlers.ports import Peers, Work

R = TypeVar("R")
_AT_ONCE: Final = 1_000
"""What one call to billing-accuracy takes."""


class Transactions(Protocol):
    """Where changes are made that no call asked for."""

    async def change(self, make: Callable[[Work], Awaitable[R]]) -> R:
        """Do `make` in one transaction."""


@dataclass(frozen=True, slots=True)
class GrantCredits:
    """Sends what is pending to billing-accuracy.

    A credit is known there by its decision: one that was sent before this service could note it is not given twice.
    When billing-accuracy is away, credits stay pending and are sent at the next run.
    """

    transactions: Transactions
    peers: Peers
    on_refusal: Callable[[str, str], None]
    """Hears of a decision whose credit was refused, and why: somebody has to look into it."""

    async def run(self) -> int:
        """Send all that is due; how many."""
        sent = 0
        while True:
            batch = await self.transactions.change(self._send_batch)
            sent += batch
            if batch < _AT_ONCE:
                return sent

    async def _send_batch(self, work: Work) -> int:
        due = await work.records.recoveries.take_due(_AT_ONCE)
        if not due:
            return 0
        refused = await self.peers.credit(due)
        await work.records.recoveries.settle({each.decision_id: refused.get(each.decision_id, "") for each in due})
        for decision_id, reason in refused.items():
            self.on_refusal(decision_id, reason)
        return len(due)
