"""How is stored usage rated anew when a subscription or a tariff turns out to have been another?"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from mesh.observe import log
from rating import Tariff
from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.book import Metering
from usage_correlation.domain.moments import LATEST_MICROS, MICROS
from usage_correlation.domain.placement import Account
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.tariff_changes import first_difference
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.handlers.books import Books, Entry
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ledger_ports import NO_REACTIONS, Ledger, LedgerWriter, Reactions, Rerating
from usage_correlation.handlers.meter_usage import Metered
from usage_correlation.handlers.ports import Catalogue, Clock, Keys, Plan, Tariffs
from usage_correlation.handlers.prepare_metering import prepare
from usage_correlation.handlers.rerate_spans import rerate_spans

_AT_ONCE: Final = 100
"""Subscriptions rated anew in one transaction; their usage waits meanwhile."""
_RUNS: Final = 50
_POSTPONED: Final = timedelta(seconds=30)
"""Until usage that can't be rated is looked at again."""
_LONGEST_CYCLE: Final = 32 * 86_400 * MICROS


class Requests(Protocol):
    """What is to be rated anew."""

    async def due(self, size: int) -> Sequence[Rerating]:
        """Requests that may be met, the oldest first; not locked."""

    async def postpone(self, requests: Collection[Rerating], pause: timedelta) -> None:
        """They are due again after a pause."""

    async def plans(self) -> Sequence[str]:
        """Plans whose tariffs have changed since their usage was rated."""

    async def retariff(
        self, plan_id: str, now: datetime, compare: Callable[[Plan], Awaitable[tuple[Plan, datetime | None]]]
    ) -> None:
        """Rate the plan's usage with another tariff; `compare` gives it, and from when on it differs from the last."""


class RerateUsage:
    """Meets requests to rate usage anew; a job calls it, in any number of replicas."""

    def __init__(
        self,
        directory: Directory,
        ledger: Ledger,
        keys: Keys,
        clock: Clock,
        requests: Requests,
        catalogue: Catalogue,
        tariffs: Tariffs,
        *,
        signalled: Callable[[Sequence[Signal], datetime], None],
        reactions: Reactions = NO_REACTIONS,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._requests = requests
        self._catalogue = catalogue
        self._tariffs = tariffs
        self._signalled = signalled
        self._books = Books(directory, keys, clock, reactions)
        self._calendar = BillCalendar()

    async def __call__(self) -> None:
        """Meet what is due, so much that others have their turn."""
        for plan in await self._requests.plans():
            await self._requests.retariff(plan, self._clock.now(), self._compared)
        for _ in range(_RUNS):
            due = await self._requests.due(_AT_ONCE)
            if not due:
                return
            await self._meet([each for each in due if each.reason is due[0].reason])

    async def _compared(self, rated: Plan) -> tuple[Plan, datetime | None]:
        """The plan as it is sold now, and the first moment at which its tariff differs from the one it was rated by."""
        now = (await self._catalogue.plans([rated.id])).get(rated.id)
        if now is None or now.tariff_digest == rated.tariff_digest:
            return rated, None
        before, after = await self._tariffs.read(rated), await self._tariffs.read(now)
        if isinstance(after, Refusal):
            log.warning("usage can't be rated anew: its tariff can't be read", plan=rated.id)
            return rated, None
        return now, None if isinstance(before, Refusal) else first_difference(before, after)

    async def _meet(self, due: Sequence[Rerating]) -> None:
        await self._directory.catch_up()
        known = await self._directory.subscribers([each.subscription for each in due])
        subscribers = {each.key: found for each in due if isinstance(found := known.get(each.subscription), Subscriber)}
        metering = await prepare(self._directory, self._keys, self._calendar, subscribers.values())
        members = dict(subscribers)
        for household in metering.households.values():
            members.update({each.key: each for each in household if each.key not in members})
        tariffs = await self._all_tariffs(members.values())
        stuck = [each for each in due if each.key not in subscribers or _unreadable(subscribers[each.key], tariffs)]
        if stuck:
            log.warning("usage can't be rated anew yet: subscription or tariff unknown", subscriptions=len(stuck))
            await self._requests.postpone(stuck, _POSTPONED)
        ready = [each for each in due if each not in stuck]
        if not ready:
            return
        readable = {plan: tariff for plan, tariff in tariffs.items() if not isinstance(tariff, Refusal)}
        async with self._ledger.writing({}) as writer:
            signals = await self._rerate(writer, metering, members, readable, ready)
        self._signalled(signals, self._clock.now())

    async def _all_tariffs(self, subscribers: Collection[Subscriber]) -> dict[str, Tariff | Refusal]:
        plans = {period.plan for each in subscribers for period in each.subscription.plan_periods}
        return dict(await self._directory.tariffs(plans))

    async def _rerate(
        self,
        writer: LedgerWriter,
        metering: Metering,
        members: dict[int, Subscriber],
        tariffs: dict[str, Tariff],
        ready: Sequence[Rerating],
    ) -> Sequence[Signal]:
        spans = self._spans(metering, members, ready)
        accounts = writer.accounts
        await accounts.lock(metering.groups.values(), [subscriber.key for subscriber, *_ in spans])
        locked = {each.key for each in await accounts.take([each.key for each in ready])}
        if not locked:
            return []
        await accounts.lock_cycles(spans)
        since = {each.key: (each.shard, start - self._back(metering, each)) for each, start, _ in spans}
        cycles = await accounts.cycles(since)
        first = min(start for _, start in since.values())
        groups = await accounts.groups({name: (key, first) for name, key in metering.groups.items()})
        found: list[Account] = []
        book, rerated = await rerate_spans(
            accounts, metering, found, {}, spans, (cycles, groups), tariffs, metered_only=False
        )
        if rerated.unrated:
            log.warning("rated anew, some usage has no price now", records=rerated.unrated)
        metered = Metered(found, rerated=rerated)
        metered.keep(book)
        entry = Entry(UsageBatch.empty(), [], metered, metering, {}, self._clock.now())
        return await self._books.enter(writer, entry, ready[0].reason)

    @staticmethod
    def _back(metering: Metering, subscriber: Subscriber) -> int:
        return metering.lookback(subscriber.subscription) * _LONGEST_CYCLE

    def _spans(
        self, metering: Metering, members: dict[int, Subscriber], ready: Sequence[Rerating]
    ) -> list[tuple[Subscriber, int, int]]:
        """Whose usage is rated anew, from the start of which cycle on; a household together."""
        first: dict[str | int, int] = {}
        for each in ready:
            pool = metering.pool_of(members[each.key])
            first[pool] = min(each.from_micros, first.get(pool, each.from_micros))
        spans = []
        for subscriber in members.values():
            moment = first.get(metering.pool_of(subscriber))
            if moment is not None:
                subscription = subscriber.subscription
                cycle = self._calendar.cycle_at(moment, subscription.bill_cycle_day, subscription.zone)
                spans.append((subscriber, cycle.start_micros, LATEST_MICROS))
        return sorted(spans, key=lambda span: (span[0].shard, span[0].key))


def _unreadable(subscriber: Subscriber, tariffs: dict[str, Tariff | Refusal]) -> bool:
    plans = {period.plan for period in subscriber.subscription.plan_periods}
    return any(isinstance(tariffs[plan], Refusal) for plan in plans)
