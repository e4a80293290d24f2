"""How are messages taken for sending, and what became of them kept and told?"""

from collections.abc import Sequence
from datetime import timedelta

from mesh.clock import Clock
from mesh.observe import log
from mesh.store import Store
from notification.domain.messages import Message, reconciled
from notification.handlers.ports import Claimed
from notification.server.announcements import Outbox
from notification.server.calls import RecordsOn


class StoredOutgoing:
    """The messages that are to be sent; each call is a transaction of its own."""

    def __init__(self, store: Store, records: RecordsOn, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    async def claim(self, lease: timedelta, size: int) -> Sequence[Claimed]:
        """Up to `size` that are due, urgent ones first; nobody else gets them before the lease ends."""
        now = self._clock.now()
        async with self._store.unit_of_work() as uow:
            return await self._records(uow.connection).messages.claim(now, now + lease, size)

    async def conclude(self, concluded: Sequence[tuple[Claimed, Message]]) -> None:
        """Keep what became of claimed messages, and tell the others, each in the trace that it was written in."""
        async with self._store.unit_of_work() as uow:
            messages, announce = self._records(uow.connection).messages, Outbox(uow)
            kept = await messages.still_claimed([claimed for claimed, _ in concluded])
            after: list[Message] = []
            for claimed, conclusion in concluded:
                before = kept.get((conclusion.customer_id, conclusion.message_id))
                if before is None:
                    log.warning("the lease on a message ended before it was sent", message=conclusion.name)
                    continue
                message = reconciled(conclusion, before)
                after.append(message)
                if message.state is not before.state:
                    announce.message_state_changed(message, self._clock.now(), claimed.origin)
            if after:
                await messages.save(after)
