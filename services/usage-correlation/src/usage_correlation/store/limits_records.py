"""How is what is kept of limits found again?"""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Row, text

from mesh.store import Store
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import LimitEvent, LimitStop, UnchargedTotal, UnchargedUsage
from usage_correlation.domain.limits.policies import Choice, ChoiceKind
from usage_correlation.domain.limits.settling import LimitKey, StandingKey
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.shards import shard_of
from usage_correlation.handlers.limits.ports import Held, Kept
from usage_correlation.store.limits_ledger import STANDINGS, standing_keys
from usage_correlation.store.limits_rows import event_from, kept_from, moment_or_none, stop_from


class LimitRecordStore:
    """Reads choices, standings, events, stops and what is not charged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def choices(self, held: Collection[Held]) -> Mapping[LimitKey, Choice]:
        """What the customers said."""
        columns = {
            "shards": [each.shard for each in held],
            "keys": [each.subscription for each in held],
            "policies": [each.policy for each in held],
        }
        async with self._store.reading() as connection:
            rows = await connection.execute(_CHOICES, columns)
            return {
                (row.subscription_key, row.policy_id): Choice(ChoiceKind(row.kind), row.limit_nanos) for row in rows
            }

    async def standings(self, wanted: Collection[tuple[Held, BillCycle]]) -> Mapping[StandingKey, Kept]:
        """Those that there are."""
        async with self._store.reading() as connection:
            rows = await connection.execute(STANDINGS, standing_keys(wanted))
            return {kept.key: kept for kept in map(kept_from, rows)}

    async def events(self, shard: int, subscription: int, policy: str, after: int, size: int) -> Sequence[LimitEvent]:
        """The first `size` with a sequence above `after`, of one policy or, when empty, of all."""
        columns = {"shard": shard, "key": subscription, "policy": policy, "after": after, "size": size}
        async with self._store.reading() as connection:
            return [event_from(row) for row in await connection.execute(_EVENTS, columns)]

    async def stops(
        self, subscriptions: Collection[str], interval: tuple[int | None, int | None]
    ) -> Sequence[LimitStop]:
        """Those that overlap [start, end), by subscription, start and policy."""
        columns = {
            "shards": [shard_of(each) for each in subscriptions],
            "names": list(subscriptions),
            "start": moment_or_none(interval[0]),
            "end": moment_or_none(interval[1]),
        }
        async with self._store.reading() as connection:
            return [stop_from(row) for row in await connection.execute(_STOPS, columns)]

    async def uncharged(
        self,
        subscription: str,
        interval: tuple[int | None, int | None],
        after: tuple[int, str, str, int] | None,
        size: int,
    ) -> Sequence[tuple[UnchargedUsage, int]]:
        """The first `size` with their charge keys, by start, source, record and charge key, that come after one."""
        start, source, record, charge = after or (None, "", "", 0)
        columns = {
            "shard": shard_of(subscription),
            "name": subscription,
            "start": moment_or_none(interval[0]),
            "end": moment_or_none(interval[1]),
            "after": moment_or_none(start),
            "source": source,
            "record": record,
            "charge": charge,
            "size": size,
        }
        async with self._store.reading() as connection:
            rows = await connection.execute(_UNCHARGED, columns)
            return [(_uncharged(row), row.charge_key) for row in rows]

    async def uncharged_of(
        self, subscriptions: Collection[str], interval: tuple[int, int]
    ) -> Mapping[str, Sequence[UnchargedUsage]]:
        """Of records that began in [start, end) microseconds, by subscription and start; those without have none."""
        columns = {
            "shards": [shard_of(each) for each in subscriptions],
            "names": list(subscriptions),
            "start": moment_or_none(interval[0]),
            "end": moment_or_none(interval[1]),
        }
        found: dict[str, list[UnchargedUsage]] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(_UNCHARGED_OF, columns):
                found.setdefault(row.subscription_id, []).append(_uncharged(row))
        return found

    async def uncharged_totals(self, subscription: str) -> Sequence[UnchargedTotal]:
        """By policy and currency."""
        columns = {"shard": shard_of(subscription), "name": subscription}
        records: dict[tuple[str, str], int] = {}
        amounts: dict[tuple[str, str], Fraction] = {}
        async with self._store.reading() as connection:
            # Summed where fractions are exact; rows of one scale, which is nearly all, are summed by the database.
            for row in await connection.execute(_UNCHARGED_TOTALS, columns):
                key = (row.policy_id, row.currency_code)
                records[key] = row.records
                amounts[key] = amounts.get(key, Fraction(0)) + Fraction(int(row.amount), int(row.scale))
        return [UnchargedTotal(*key, records[key], amounts[key]) for key in sorted(records)]


def _uncharged(row: Row[Any]) -> UnchargedUsage:
    return UnchargedUsage(
        subscription=row.subscription_id,
        source=row.source,
        record_id=row.record_id,
        start_micros=to_micros(row.start_time),
        plan=row.plan_id,
        charge_code=row.charge_code,
        currency=row.currency_code,
        amount=Fraction(int(row.amount), int(row.scale)),
        policy=row.policy_id,
        decide_time=row.decide_time,
    )


_CHOICES: Final = text("""
    SELECT choice.* FROM usage.limit_choice AS choice JOIN unnest(
        CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:policies AS text[])
    ) AS held (shard, subscription_key, policy_id) USING (shard, subscription_key, policy_id)
""")
_EVENTS: Final = text("""
    SELECT * FROM usage.limit_event
    WHERE shard = :shard AND subscription_key = :key AND sequence > :after AND (:policy = '' OR policy_id = :policy)
    ORDER BY sequence LIMIT :size
""")
_STOPS: Final = text("""
    SELECT stop.*, subscription.subscription_id
    FROM unnest(CAST(:shards AS smallint[]), CAST(:names AS text[])) AS asked (shard, subscription_id)
    JOIN usage.subscription USING (subscription_id)
    JOIN usage.limit_stop AS stop
        ON stop.shard = asked.shard AND stop.subscription_key = subscription.subscription_key
    WHERE (CAST(:start AS timestamptz) IS NULL OR stop.end_time > :start)
        AND (CAST(:end AS timestamptz) IS NULL OR stop.start_time < :end)
    ORDER BY subscription.subscription_id, stop.start_time, stop.policy_id
""")
_UNCHARGED: Final = text("""
    SELECT uncharged.*, subscription.subscription_id, source.source,
        charge.plan_id, charge.charge_code, charge.currency_code
    FROM usage.uncharged_usage AS uncharged
    JOIN usage.subscription USING (subscription_key)
    JOIN usage.source USING (source_key)
    JOIN usage.charge USING (charge_key)
    WHERE uncharged.shard = :shard AND subscription.subscription_id = :name
        AND (CAST(:start AS timestamptz) IS NULL OR uncharged.start_time >= :start)
        AND (CAST(:end AS timestamptz) IS NULL OR uncharged.start_time < :end)
        AND (CAST(:after AS timestamptz) IS NULL
            OR (uncharged.start_time, source.source, uncharged.record_id, uncharged.charge_key)
                > (:after, :source, :record, :charge))
    ORDER BY uncharged.start_time, source.source, uncharged.record_id, uncharged.charge_key
    LIMIT :size
""")
_UNCHARGED_OF: Final = text("""
    SELECT uncharged.*, asked.subscription_id, source.source,
        charge.plan_id, charge.charge_code, charge.currency_code
    FROM unnest(CAST(:shards AS smallint[]), CAST(:names AS text[])) AS asked (shard, subscription_id)
    JOIN usage.subscription USING (subscription_id)
    JOIN usage.uncharged_usage AS uncharged USING (shard, subscription_key)
    JOIN usage.source USING (source_key)
    JOIN usage.charge USING (charge_key)
    WHERE uncharged.start_time >= :start AND uncharged.start_time < :end
    ORDER BY asked.subscription_id, uncharged.start_time, source.source, uncharged.record_id, uncharged.charge_key
""")
_UNCHARGED_TOTALS: Final = text("""
    WITH mine AS (
        SELECT uncharged.*, charge.currency_code
        FROM usage.uncharged_usage AS uncharged
        JOIN usage.subscription USING (subscription_key)
        JOIN usage.charge USING (charge_key)
        WHERE uncharged.shard = :shard AND subscription.subscription_id = :name
    ), counted AS (
        SELECT policy_id, currency_code, count(DISTINCT (source_key, record_id)) AS records
        FROM mine GROUP BY policy_id, currency_code
    )
    SELECT policy_id, currency_code, records, scale, sum(amount) AS amount
    FROM mine JOIN counted USING (policy_id, currency_code)
    GROUP BY policy_id, currency_code, records, scale
""")
