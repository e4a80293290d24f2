"""How are millions of subscriptions remembered in little memory, and without the garbage collector going through them?

As plain tuples of texts and numbers, which it leaves alone; those of the last moments also as what they stand for.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from sys import intern
from typing import Final
from zoneinfo import ZoneInfo

from usage_correlation.domain.subscribers import PlanPeriod, Subscriber, Subscription
from usage_correlation.handlers.cache import Cache
from usage_correlation.handlers.ports import Clock

_RECENT: Final = 20_000
"""Subscribers that are also kept as they are used: found faster, but the garbage collector goes through them, and all
calls wait for it."""
_ALIKE: Final = 50_000
"""Histories of plans that are shared by those who have the same."""

_Period = tuple[str, int, int | None]
_Compact = tuple[int, int, int, str, int, str, tuple[_Period, ...]]
"""Key, shard, bill cycle day, time zone, activation, customer, plan periods."""


class KnownSubscribers:
    """A cache of subscribers, as `Cache` is one of anything: nothing in it outlives being forgotten."""

    def __init__(self, size: int, lifetime: timedelta, clock: Clock) -> None:
        """Keep at most `size`, each for a `lifetime`."""
        self._compact: Cache[_Compact] = Cache(size, lifetime, clock)
        self._whole: Cache[Subscriber] = Cache(size, lifetime, clock)
        self._recent: dict[str, tuple[_Compact, Subscriber]] = {}
        self._zones: dict[str, ZoneInfo] = {}
        self._held: dict[tuple[_Period, ...], tuple[PlanPeriod, ...]] = {}

    def __len__(self) -> int:
        return len(self._compact) + len(self._whole)

    @property
    def generation(self) -> int:
        """Give it back with what was asked for since."""
        return self._compact.generation

    def find(self, ids: Iterable[str]) -> tuple[dict[str, Subscriber], list[str]]:
        """The subscribers that are known, and the other ids."""
        known, rest = self._compact.find(ids)
        recent, found = self._recent, dict[str, Subscriber]()
        for each, compact in known.items():
            entry = recent.get(each)
            if entry is None or entry[0] is not compact:
                if len(recent) >= _RECENT:
                    for old in list(islice(recent, _RECENT // 2)):
                        del recent[old]
                entry = recent[each] = (compact, self._made(each, compact))
            found[each] = entry[1]
        if rest and len(self._whole):
            others, rest = self._whole.find(rest)
            found.update(others)
        return found, rest

    def keep(self, subscribers: Mapping[str, Subscriber], generation: int) -> None:
        """Keep what was asked for at `generation`."""
        # Few have policies of their own.
        rich = {each: one for each, one in subscribers.items() if one.policies or one.allowance_policies}
        self._whole.keep(rich, generation)
        self._compact.keep(
            {each: self._compacted(one) for each, one in subscribers.items() if each not in rich}, generation
        )

    def forget(self, ids: Collection[str]) -> None:
        """These have changed."""
        self._compact.forget(ids)
        self._whole.forget(ids)
        for each in ids:
            self._recent.pop(each, None)

    def clear(self) -> None:
        """Anything may have changed."""
        self._compact.clear()
        self._whole.clear()
        self._recent.clear()

    def _compacted(self, subscriber: Subscriber) -> _Compact:
        subscription = subscriber.subscription
        zone = intern(subscription.zone.key)
        self._zones.setdefault(zone, subscription.zone)
        periods = tuple((intern(each.plan), each.start_micros, each.end_micros) for each in subscription.plan_periods)
        day, since = subscription.bill_cycle_day, subscription.activate_micros
        return subscriber.key, subscriber.shard, day, zone, since, subscription.customer, periods

    def _made(self, subscription_id: str, compact: _Compact) -> Subscriber:
        key, shard, day, zone, since, customer, periods = compact
        held = self._held.get(periods)
        if held is None:
            if len(self._held) >= _ALIKE:
                self._held.clear()
            held = self._held[periods] = tuple(PlanPeriod(*period) for period in periods)
        return Subscriber(Subscription(subscription_id, customer, held, day, self._zones[zone], since), key, shard, ())
