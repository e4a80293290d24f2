"""What is behind the calls on limits?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message

from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.limits.ports import LimitLedger, LimitPolicies, LimitPolicyWriter, LimitRecords
from usage_correlation.handlers.limits.views import ReadLimits
from usage_correlation.server.limit_authorization import SERVICE

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class LimitCases:
    """The use cases, and what they work with."""

    store: Store
    ledger: Callable[[UnitOfWork], LimitLedger]
    writer: Callable[[UnitOfWork], LimitPolicyWriter]
    policies: LimitPolicies
    records: LimitRecords
    read: ReadLimits
    directory: Directory
    clock: Clock

    async def once(self, method: str, request: Message, make: Callable[[UnitOfWork], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""

        async def change(uow: UnitOfWork) -> R:
            return await uow.idempotent(f"{SERVICE}/{method}", request, lambda: make(uow))

        return await self.store.retrying(change)
