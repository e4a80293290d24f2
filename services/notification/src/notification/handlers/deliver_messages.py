"""How do messages that are due leave the house, soon and once?"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notification.domain.contacts import Channel, Contact
from notification.domain.messages import (
    Message,
    MessageState,
    RetryPolicy,
    concluded,
    dispatched,
    given_up,
    needs_routing,
)
from notification.errors import CustomerNotFound
from notification.handlers.ports import Claimed, Clock, Contacts, Courier, Delays, Outgoing

IDLE_SECONDS = 1.0
"""How long a turn waits for news; so it is also how late a message may be that waited for its time."""
TURN_SECONDS = 5.0
"""After this a turn takes no more and ends when all is delivered: the service can stop between two turns."""

Conclusion = tuple[Claimed, Message]
"""A claimed message, and what became of it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How messages are taken and tried."""

    policy: RetryPolicy
    lease: timedelta
    """For how long a claimed message is left to this process; much longer than a courier takes."""
    in_hand: int
    """How many are dealt with at a time."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What one task comes back with."""

    concluded: Sequence[Conclusion] = ()
    ready: Sequence[Claimed] = ()
    """These go out now."""


class Deliverer:
    """Takes what is due, sends it, and keeps what became of it. `run` is one turn; turns follow each other."""

    def __init__(
        self,
        outgoing: Outgoing,
        contacts: Contacts,
        couriers: Mapping[Channel, Courier],
        terms: Terms,
        delays: Delays,
        clock: Clock,
    ) -> None:
        """Every channel that messages are routed to needs its courier."""
        self.wake = asyncio.Event()
        """Set it when there may be something to send."""
        self._outgoing = outgoing
        self._contacts = contacts
        self._couriers = couriers
        self._terms = terms
        self._delays = delays
        self._clock = clock
        self._under_way: dict[asyncio.Task[_Step], int] = {}
        self._to_keep: list[Conclusion] = []

    async def run(self) -> None:
        """Deliver until there is nothing to do for a moment, or the turn is over and all is delivered.

        When it raises, nothing is lost: what is under way comes back in the next turn, and claimed messages that were
        not sent are due again when their lease ends.
        """
        ends = _now() + TURN_SECONDS
        more = True
        try:
            while True:
                await self._keep()
                may_take = _now() < ends
                if may_take and (more or self.wake.is_set()):
                    more = await self._take()
                if self._under_way:
                    await self._next_step(listening=may_take)
                elif not self._to_keep and not (may_take and (more or await self._is_woken())):
                    break
            await asyncio.gather(*(courier.rest() for courier in self._couriers.values()))
        except asyncio.CancelledError:
            for task in self._under_way:
                task.cancel()
            raise

    async def _take(self) -> bool:
        """Claim as many as there is room for; whether there may be more."""
        self.wake.clear()
        room = self._terms.in_hand - sum(self._under_way.values())
        if room <= 0:
            return True
        claimed = await self._outgoing.claim(self._terms.lease, room)
        now = self._clock.now()
        lapsed, stale, fresh = _sorted(claimed, now)
        self._to_keep += [(each, given_up(each.message)) for each in lapsed]
        self._send_all(fresh)
        if stale:
            self._under_way[asyncio.create_task(self._route(stale))] = len(stale)
        return len(claimed) == room

    async def _next_step(self, *, listening: bool) -> None:
        """Wait until something comes back, or, `listening`, until there is news."""
        news = asyncio.create_task(self.wake.wait()) if listening else None
        await asyncio.wait({*self._under_way, *([news] if news else [])}, return_when=asyncio.FIRST_COMPLETED)
        if news:
            news.cancel()
        errors: list[Exception] = []
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            error = task.exception()
            if isinstance(error, Exception):
                errors.append(error)
            elif error is None:
                self._to_keep += task.result().concluded
                self._send_all(task.result().ready)
        if errors:
            raise ExceptionGroup("messages were not sent; they are due again when their lease ends", errors)

    async def _keep(self) -> None:
        """Keep what became of messages. When that fails they stay here, for the next time."""
        if not self._to_keep:
            return
        await self._outgoing.conclude(self._to_keep)
        kept, self._to_keep = self._to_keep, []
        for before, after in kept:
            if before.message.carried_by is None and after.carried_by is not None:
                self._delays.delivered(after)

    async def _is_woken(self) -> bool:
        waiting = asyncio.ensure_future(self.wake.wait())
        try:
            await asyncio.wait({waiting}, timeout=IDLE_SECONDS)
        finally:
            waiting.cancel()
        return self.wake.is_set()

    def _send_all(self, ready: Iterable[Claimed]) -> None:
        for claimed in ready:
            self._under_way[asyncio.create_task(self._send(claimed))] = 1

    async def _send(self, claimed: Claimed) -> _Step:
        leg = claimed.message.leg
        if leg is None:
            return _Step([(claimed, given_up(claimed.message))])
        outcome = await self._couriers[leg.channel].deliver(claimed, leg)
        return _Step([(claimed, concluded(claimed.message, leg, outcome, self._terms.policy))])

    async def _route(self, stale: Sequence[Claimed]) -> _Step:
        """Ask anew where these may go, in one call: addresses, consent and quiet hours may have changed."""
        contacts = await self._known({each.message.customer_id for each in stale})
        now = self._clock.now()
        settled: list[Conclusion] = []
        ready: list[Claimed] = []
        for each in stale:
            contact = contacts.get(each.message.customer_id)
            message = dispatched(each.message, contact, now) if contact else given_up(each.message)
            if message.state is MessageState.QUEUED and (message.next_attempt_time or now) <= now:
                ready.append(replace(each, message=message))
            else:
                settled.append((each, message))
        return _Step(settled, ready)

    async def _known(self, ids: set[str]) -> Mapping[str, Contact]:
        while ids:
            try:
                return await self._contacts.get(ids)
            except CustomerNotFound as error:
                ids = ids - {error.customer_id}
        return {}


def _sorted(claimed: Iterable[Claimed], now: datetime) -> tuple[list[Claimed], list[Claimed], list[Claimed]]:
    """Those whose time is over, those to be routed anew, and those to be sent as they are."""
    lapsed: list[Claimed] = []
    stale: list[Claimed] = []
    fresh: list[Claimed] = []
    for each in claimed:
        if each.message.expire_time <= now:
            lapsed.append(each)
        elif needs_routing(each.message, now):
            stale.append(each)
        else:
            fresh.append(each)
    return lapsed, stale, fresh


def _now() -> float:
    return asyncio.get_running_loop().time()
