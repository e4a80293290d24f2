"""How is it kept where subscriptions stand with their limits, in the transaction that changes it?

Whoever changes anything about a subscription and a policy locks their row in `limit_choice` first, in the order of its
key; the signals' head comes last, as everywhere.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from google.protobuf.message import Message
from sqlalchemy import text

from mesh.store import UnitOfWork
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import LimitEvent, LimitStop
from usage_correlation.domain.limits.policies import Choice, ChoiceKind
from usage_correlation.domain.limits.settling import LimitKey, StandingKey
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.signals import Signal, SpendingLimitPassed, shard_of_signal
from usage_correlation.domain.totals import ChargeName
from usage_correlation.handlers.limits.ports import Held, Kept, UnchargedRow
from usage_correlation.store import signals
from usage_correlation.store.limits_rows import Document, event_row, held_columns, kept_from, standing_row, stop_row

ChargeKeys = Callable[[Collection[ChargeName]], Any]
"""Keys of charges, awaitable. Any: of any kind of awaitable."""


class PostgresLimitLedger:
    """Standings, choices, events and stops in one transaction."""

    def __init__(self, uow: UnitOfWork, announce: Callable[[Signal], Message], charge_keys: ChargeKeys) -> None:
        """`announce` makes the event that tells of a signal."""
        self._uow = uow
        self._connection = uow.connection
        self._announce = announce
        self._charge_keys = charge_keys

    async def lock(self, held: Collection[Held]) -> Mapping[LimitKey, Choice]:
        """What the customers said; nobody else changes anything about these until the transaction ends."""
        columns = _keys(held)
        rows = (await self._connection.execute(_LOCK, columns)).all()
        if len(rows) < len(held):
            await self._connection.execute(_ADD_CHOICES, columns)
            rows = (await self._connection.execute(_LOCK, columns)).all()
        return {(row.subscription_key, row.policy_id): Choice(ChoiceKind(row.kind), row.limit_nanos) for row in rows}

    async def standings(self, wanted: Collection[tuple[Held, BillCycle]]) -> Mapping[StandingKey, Kept]:
        """Those that there are; they must be locked."""
        columns = standing_keys(wanted)
        return {kept.key: kept for kept in map(kept_from, await self._connection.execute(STANDINGS, columns))}

    async def continued(self, wanted: Collection[tuple[Held, BillCycle]]) -> Collection[StandingKey]:
        """Those of the wanted that have a standing in an earlier period."""
        rows = await self._connection.execute(_CONTINUED, standing_keys(wanted))
        return {(row.subscription_key, row.policy_id, to_micros(row.period_start_time)) for row in rows}

    async def stopped_by(self, policy_id: str, now: datetime) -> Sequence[Kept]:
        """The standings of periods that go on which a policy stops, locked in order."""
        columns = {"policy_id": policy_id, "now": now}
        locked = [row.subscription_key for row in await self._connection.execute(_LOCK_STOPPED, columns)]
        rows = await self._connection.execute(_STOPPED, columns | {"keys": locked})
        return [kept_from(row) for row in rows]

    async def names(self, subscriptions: Collection[int]) -> Mapping[int, str]:
        """The ids of subscriptions, by key."""
        rows = await self._connection.execute(_NAMES, {"keys": sorted(subscriptions)})
        return {row.subscription_key: row.subscription_id for row in rows}

    async def noticed(self, signals: Collection[str]) -> Mapping[str, tuple[Held, BillCycle]]:
        """Which limits and periods these signals are about, by id; those of other kinds are left out."""
        shards = {each: shard_of_signal(each) for each in signals}
        known = {each: shard for each, shard in shards.items() if shard is not None}
        rows = await self._connection.execute(
            _NOTICED, {"shards": list(known.values()), "ids": list(known), "detail": SpendingLimitPassed.__name__}
        )
        return {
            row.signal_id: (
                Held(row.shard, row.subscription_key, row.said["policy"]),
                BillCycle(row.said["period"]["start_micros"], row.said["period"]["end_micros"]),
            )
            for row in rows
        }

    async def choose(self, held: Held, choice: Choice) -> None:
        """Write what a customer said; it must be locked."""
        columns = held_columns(held) | {"kind": choice.kind.value, "nanos": choice.limit_nanos}
        await self._connection.execute(_CHOOSE, columns)

    async def save(self, kept: Collection[Kept]) -> None:
        """Write standings."""
        await self._write(_SAVE, [standing_row(each) for each in sorted(kept, key=lambda each: each.key)])

    async def add_events(self, events: Sequence[tuple[Held, LimitEvent]]) -> None:
        """Keep what happened, in this order."""
        await self._write(_ADD_EVENTS, [event_row(held, event) for held, event in events])

    async def begin_stops(self, stops: Sequence[tuple[Kept, LimitStop]]) -> None:
        """Keep new stops, each of its standing's round."""
        await self._write(_BEGIN_STOPS, [stop_row(kept, stop) for kept, stop in stops])

    async def end_stop(self, kept: Kept, now: datetime) -> None:
        """End the stop of a standing's round."""
        columns = held_columns(kept.held) | {
            "start": kept.standing.period.start,
            "round": kept.standing.round,
            "now": now,
        }
        await self._connection.execute(_END_STOP, columns)

    async def add_uncharged(self, rows: Sequence[UnchargedRow]) -> None:
        """Keep what is not charged."""
        if not rows:
            return
        keys = await self._charge_keys({each.charge for each in rows})
        await self._write(_ADD_UNCHARGED, [_uncharged(each, keys[each.charge]) for each in rows])

    async def raise_signals(self, raised: Sequence[Signal]) -> None:
        """Keep and publish those that are new."""
        for placed in await signals.add(self._connection, raised):
            self._uow.publish(self._announce(placed.signal), key=placed.signal.subscription)

    async def _write(self, statement: Any, rows: Sequence[Document]) -> None:
        """Any: SQLAlchemy has no short name for a text clause's type."""
        if rows:
            await self._connection.execute(statement, {"rows": json.dumps(rows)})


def standing_keys(wanted: Collection[tuple[Held, BillCycle]]) -> dict[str, Any]:
    """The parameters of STANDINGS."""
    return _keys([held for held, _ in wanted]) | {"starts": [period.start for _, period in wanted]}


def _keys(held: Collection[Held]) -> dict[str, Any]:
    return {
        "shards": [each.shard for each in held],
        "keys": [each.subscription for each in held],
        "policies": [each.policy for each in held],
    }


def _uncharged(each: UnchargedRow, charge_key: int) -> Document:
    row = each.row
    return held_columns(each.held) | {
        "source": row.source,
        "record_id": row.record_id,
        "charge_key": charge_key,
        "start_time": from_micros(row.start_micros).isoformat(),
        "amount": str(row.amount.numerator),
        "scale": str(row.amount.denominator),
        "decide_time": row.decide_time.isoformat(),
    }


_HELD: Final = (
    "unnest(CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:policies AS text[]))"
    " AS held (shard, subscription_key, policy_id)"
)
_SAME: Final = "shard = :shard AND subscription_key = :subscription_key AND policy_id = :policy_id"
_LOCK: Final = text(f"""
    SELECT choice.* FROM usage.limit_choice AS choice JOIN {_HELD} USING (shard, subscription_key, policy_id)
    ORDER BY shard, subscription_key, policy_id FOR UPDATE OF choice
""")  # noqa: S608 - put together from constants
_ADD_CHOICES: Final = text(f"""
    INSERT INTO usage.limit_choice (shard, subscription_key, policy_id, kind, limit_nanos)
    SELECT shard, subscription_key, policy_id, 'DEFAULT', 0 FROM {_HELD} ORDER BY 1, 2, 3
    ON CONFLICT (shard, subscription_key, policy_id) DO NOTHING
""")  # noqa: S608 - the same
STANDINGS: Final = text("""
    SELECT standing.* FROM usage.limit_standing AS standing JOIN unnest(
        CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:policies AS text[]), CAST(:starts AS timestamptz[])
    ) AS wanted (shard, subscription_key, policy_id, period_start_time)
    USING (shard, subscription_key, policy_id, period_start_time)
""")
_CONTINUED: Final = text("""
    SELECT wanted.* FROM unnest(
        CAST(:shards AS smallint[]), CAST(:keys AS integer[]), CAST(:policies AS text[]), CAST(:starts AS timestamptz[])
    ) AS wanted (shard, subscription_key, policy_id, period_start_time)
    WHERE EXISTS (
        SELECT FROM usage.limit_standing AS earlier
        WHERE earlier.shard = wanted.shard AND earlier.subscription_key = wanted.subscription_key
            AND earlier.policy_id = wanted.policy_id AND earlier.period_start_time < wanted.period_start_time
    )
""")
_LOCK_STOPPED: Final = text("""
    SELECT choice.subscription_key FROM usage.limit_choice AS choice
    WHERE choice.policy_id = :policy_id AND EXISTS (
        SELECT FROM usage.limit_standing AS standing
        WHERE standing.shard = choice.shard AND standing.subscription_key = choice.subscription_key
            AND standing.policy_id = choice.policy_id AND standing.state = 'STOPPED'
            AND standing.period_end_time > :now
    )
    ORDER BY choice.shard, choice.subscription_key FOR UPDATE OF choice
""")
_STOPPED: Final = text("""
    SELECT * FROM usage.limit_standing
    WHERE policy_id = :policy_id AND state = 'STOPPED' AND period_end_time > :now
        AND subscription_key = ANY(CAST(:keys AS integer[]))
    ORDER BY shard, subscription_key, period_start_time
""")
_NAMES: Final = text("""
    SELECT subscription_key, subscription_id FROM usage.subscription
    WHERE subscription_key = ANY(CAST(:keys AS integer[]))
""")
_NOTICED: Final = text("""
    SELECT signal.shard, signal.signal_id, subscription.subscription_key,
        signal.detail -> CAST(:detail AS text) AS said
    FROM unnest(CAST(:shards AS smallint[]), CAST(:ids AS text[])) AS told (shard, signal_id)
    JOIN usage.signal USING (shard, signal_id)
    JOIN usage.subscription USING (subscription_id)
    WHERE signal.kind = 'SPENDING_LIMIT'
""")
_CHOOSE: Final = text(f"UPDATE usage.limit_choice SET kind = :kind, limit_nanos = :nanos WHERE {_SAME}")  # noqa: S608 - the same
_SAVE: Final = text("""
    INSERT INTO usage.limit_standing
    SELECT * FROM jsonb_populate_recordset(NULL::usage.limit_standing, CAST(:rows AS jsonb))
    ON CONFLICT (shard, subscription_key, policy_id, period_start_time) DO UPDATE SET
        state = EXCLUDED.state, spent = EXCLUDED.spent, not_charged = EXCLUDED.not_charged, scale = EXCLUDED.scale,
        consents = EXCLUDED.consents, consents_in_period = EXCLUDED.consents_in_period, round = EXCLUDED.round,
        percent = EXCLUDED.percent, stop_time = EXCLUDED.stop_time, open_from_time = EXCLUDED.open_from_time,
        consent_terms = EXCLUDED.consent_terms
""")
_ADD_EVENTS: Final = text("""
    INSERT INTO usage.limit_event (
        shard, subscription_key, kind, policy_id, period_start_time, period_end_time, event_time, record_time, facts
    )
    SELECT shard, subscription_key, kind, policy_id, period_start_time, period_end_time, event_time, record_time, facts
    FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
        shard smallint, subscription_key integer, kind text, policy_id text, period_start_time timestamptz,
        period_end_time timestamptz, event_time timestamptz, record_time timestamptz, facts jsonb
    )) WITH ORDINALITY AS event (
        shard, subscription_key, kind, policy_id, period_start_time, period_end_time, event_time, record_time, facts,
        number
    )
    ORDER BY number
""")
_BEGIN_STOPS: Final = text("""
    INSERT INTO usage.limit_stop
    SELECT * FROM jsonb_populate_recordset(NULL::usage.limit_stop, CAST(:rows AS jsonb))
""")
_END_STOP: Final = text(f"""
    UPDATE usage.limit_stop SET end_time = least(end_time, :now)
    WHERE {_SAME} AND period_start_time = :start AND round = :round
""")  # noqa: S608 - the same
_ADD_UNCHARGED: Final = text("""
    INSERT INTO usage.uncharged_usage (
        shard, subscription_key, source_key, record_id, charge_key, start_time, amount, scale, policy_id, decide_time
    )
    SELECT shard, subscription_key, source_key, record_id, charge_key, start_time, amount, scale, policy_id, decide_time
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS added (
        shard smallint, subscription_key integer, source text, record_id text, charge_key integer,
        start_time timestamptz, amount numeric, scale numeric, policy_id text, decide_time timestamptz
    )
    JOIN usage.source USING (source)
    -- A record of which a part is not charged already: its bill cycle was rated anew.
    ON CONFLICT (shard, subscription_key, source_key, record_id, charge_key) DO UPDATE SET
        amount = uncharged_usage.amount * EXCLUDED.scale + EXCLUDED.amount * uncharged_usage.scale,
        scale = uncharged_usage.scale * EXCLUDED.scale
""")
