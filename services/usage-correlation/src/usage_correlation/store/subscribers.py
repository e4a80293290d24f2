"""With which plans was usage rated, and what is to be rated anew when they turn out to be others?

What the profile said of a subscription when its usage was first rated is kept beside its key, and changed only by what
compares the two: so that no change goes by without its usage being rated anew, however it became known.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.rerating import Reason
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.subscribers import PlanPeriod, Subscription, first_difference
from usage_correlation.handlers.ledger_ports import Rerating
from usage_correlation.handlers.ports import ChangeKind, Plan
from usage_correlation.store.changes import note_changes
from usage_correlation.store.rated_plans import CHANGED_PLANS, lock_plan, replace_plan


class SubscriberStore:
    """What usage was rated with."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def learn(self, subscriptions: Mapping[str, Subscription]) -> Mapping[str, int]:
        """Keys of subscriptions that the profile told of; what is new of them is kept, what differs is noted."""
        rows = [subscriptions[name] for name in sorted(subscriptions)]
        async with self._store.unit_of_work() as uow:
            found = {
                row.subscription_id: row for row in await uow.connection.execute(_FIND, {"ids": list(subscriptions)})
            }
            new = [each for each in rows if each.id not in found or found[each.id].plan_periods is None]
            if new:
                # Sorted, so that two who learn of the same wait for each other in one order.
                await uow.connection.execute(_LEARN, {**_columns(new), "now": self._clock.now()})
                learned = [each.id for each in new]
                found |= {row.subscription_id: row for row in await uow.connection.execute(_FIND, {"ids": learned})}
            await self._compare(uow.connection, rows, found)
        return {name: row.subscription_key for name, row in found.items()}

    async def changed(self, connection: AsyncConnection, subscriptions: Sequence[Subscription]) -> None:
        """The profile tells that these are so now: usage that was rated otherwise is to be rated anew."""
        latest = {each.id: each for each in subscriptions}
        households = [(ChangeKind.CUSTOMER, each.customer) for each in latest.values()]
        await note_changes(connection, households, self._clock.now())
        found = {row.subscription_id: row for row in await connection.execute(_LOCK, {"ids": sorted(latest)})}
        await self._compare(connection, list(latest.values()), found)

    async def _compare(
        self, connection: AsyncConnection, subscriptions: Sequence[Subscription], found: Mapping[str, Row[Any]]
    ) -> None:
        """Note what differs from what usage was rated with."""
        different: list[tuple[Subscription, int]] = []
        for each in subscriptions:
            row = found.get(each.id)
            if row is None or row.plan_periods is None:
                continue
            moment = first_difference(_subscription(row), each)
            if moment is not None:
                different.append((each, moment))
        if not different:
            return
        different.sort(key=lambda pair: (shard_of(pair[0].id), found[pair[0].id].subscription_key))
        changed = [each for each, _ in different]
        now = self._clock.now()
        await connection.execute(_RELEARN, {**_columns(changed), "now": now})
        await request_reratings(
            connection,
            [(shard_of(each.id), found[each.id].subscription_key, moment) for each, moment in different],
            Reason.SUBSCRIPTION_CHANGED,
            now,
        )


async def request_reratings(
    connection: AsyncConnection, wanted: Sequence[tuple[int, int, int]], reason: Reason, now: datetime
) -> None:
    """Have usage rated anew, by (shard, subscription key, first moment in microseconds)."""
    shards, keys, moments = zip(*wanted, strict=True)
    await connection.execute(
        _REQUEST,
        {
            "shards": list(shards),
            "keys": list(keys),
            "moments": [from_micros(max(moment, 0)) for moment in moments],
            "reason": reason.value,
            "now": now,
        },
    )


class RerateRequests:
    """What is to be rated anew."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def due(self, size: int) -> Sequence[Rerating]:
        """Requests that may be met, the oldest first; not locked.

        A request is first stamped with the transactions that are under way, and is due when these have ended: whoever
        stores usage later sees the change, because it reads the change log after its own transaction got its number.
        """
        async with self._store.unit_of_work() as uow:
            if (await uow.connection.execute(_ANY)).scalar_one():
                await uow.connection.execute(_STAMP)
        async with self._store.reading() as connection:
            rows = (await connection.execute(_DUE, {"size": size, "now": self._clock.now()})).all()
        return [
            Rerating(row.subscription_id, row.shard, row.subscription_key, to_micros(row.from_time), Reason(row.reason))
            for row in rows
        ]

    async def postpone(self, requests: Collection[Rerating], pause: timedelta) -> None:
        """They are due again after a pause."""
        async with self._store.unit_of_work() as uow:
            keys = [each.key for each in requests]
            await uow.connection.execute(_POSTPONE, {"keys": keys, "until": self._clock.now() + pause})

    async def plans(self) -> Sequence[str]:
        """Plans whose tariffs have changed since their usage was rated."""
        async with self._store.reading() as connection:
            return list((await connection.execute(CHANGED_PLANS)).scalars())

    async def retariff(
        self, plan_id: str, now: datetime, compare: Callable[[Plan], Awaitable[tuple[Plan, datetime | None]]]
    ) -> None:
        """Rate the plan's usage with another tariff; `compare` gives it, and from when on it differs from the last."""
        async with self._store.unit_of_work() as uow:
            rated = await lock_plan(uow.connection, plan_id)
            if rated is not None:
                plan, from_time = await compare(rated)
                await replace_plan(uow.connection, plan, from_time, now)


def _columns(subscriptions: Sequence[Subscription]) -> dict[str, Any]:
    """Any: columns of several types."""
    return {
        "ids": [each.id for each in subscriptions],
        "customers": [each.customer for each in subscriptions],
        "days": [each.bill_cycle_day for each in subscriptions],
        "zones": [each.zone.key for each in subscriptions],
        "activations": [from_micros(each.activate_micros) for each in subscriptions],
        "periods": [_periods_text(each.plan_periods) for each in subscriptions],
    }


def _periods_text(periods: Sequence[PlanPeriod]) -> str:
    return json.dumps([[each.plan, each.start_micros, each.end_micros] for each in periods], separators=(",", ":"))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.subscription_id,
        customer=row.customer_id,
        plan_periods=tuple(PlanPeriod(*each) for each in row.plan_periods),
        bill_cycle_day=row.bill_cycle_day,
        zone=ZoneInfo(row.time_zone),
        activate_micros=to_micros(row.activate_time),
    )


_NAMES: Final = "CAST(:ids AS text[])"
_ROWS: Final = f"""
    unnest(
        {_NAMES}, CAST(:customers AS text[]), CAST(:days AS smallint[]), CAST(:zones AS text[]),
        CAST(:activations AS timestamptz[]), CAST(:periods AS json[])
    ) AS learned (subscription_id, customer_id, bill_cycle_day, time_zone, activate_time, plan_periods)
"""
_SELECT: Final = """
    SELECT subscription_key, subscription_id, customer_id, bill_cycle_day, time_zone, activate_time, plan_periods
    FROM usage.subscription
"""
_FIND: Final = text(f"{_SELECT} WHERE subscription_id = ANY({_NAMES})")
_LOCK: Final = text(f"{_SELECT} WHERE subscription_id = ANY({_NAMES}) ORDER BY subscription_key FOR NO KEY UPDATE")
# Those that have a key already, but nothing else, get the rest.
_LEARN: Final = text(f"""
    INSERT INTO usage.subscription AS known (
        subscription_id, customer_id, bill_cycle_day, time_zone, activate_time, plan_periods, learn_time
    )
    SELECT learned.*, CAST(:now AS timestamptz) FROM {_ROWS}
    ON CONFLICT (subscription_id) DO UPDATE SET
        customer_id = EXCLUDED.customer_id, bill_cycle_day = EXCLUDED.bill_cycle_day, time_zone = EXCLUDED.time_zone,
        activate_time = EXCLUDED.activate_time, plan_periods = EXCLUDED.plan_periods, learn_time = EXCLUDED.learn_time
    WHERE known.plan_periods IS NULL
""")  # noqa: S608 - put together from constants
_RELEARN: Final = text(f"""
    UPDATE usage.subscription AS known SET
        customer_id = learned.customer_id, bill_cycle_day = learned.bill_cycle_day, time_zone = learned.time_zone,
        activate_time = learned.activate_time, plan_periods = learned.plan_periods, learn_time = :now
    FROM {_ROWS}
    WHERE known.subscription_id = learned.subscription_id
""")  # noqa: S608 - the same
_REQUEST: Final = text("""
    INSERT INTO usage.rerating AS known (shard, subscription_key, from_time, reason, due_time)
    SELECT wanted.*, :reason, :now
    FROM unnest(CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:moments AS timestamptz[])) AS wanted
    ON CONFLICT (shard, subscription_key) DO UPDATE SET
        from_time = least(known.from_time, EXCLUDED.from_time), after_transaction = NULL
""")
_STAMP: Final = text("""
    UPDATE usage.rerating SET after_transaction = CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
    WHERE (shard, subscription_key) IN (
        SELECT shard, subscription_key FROM usage.rerating WHERE after_transaction IS NULL FOR UPDATE SKIP LOCKED
    )
""")
_ANY: Final = text("SELECT EXISTS (SELECT FROM usage.rerating WHERE after_transaction IS NULL)")
_DUE: Final = text("""
    SELECT subscription_id, rerating.shard, rerating.subscription_key, from_time, reason
    FROM usage.rerating JOIN usage.subscription USING (subscription_key)
    WHERE due_time <= :now
        AND after_transaction <= CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
    ORDER BY due_time, rerating.shard, rerating.subscription_key
    LIMIT :size
""")
_POSTPONE: Final = text("UPDATE usage.rerating SET due_time = :until WHERE subscription_key = ANY(:keys)")
