"""How are decisions kept?"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, TableValuedAlias, and_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates, listed, update_rows
from offer_decision.domain.campaigns import TriggerKind
from offer_decision.domain.decisions import Decision, Outcome, Trigger, Verdict
from offer_decision.domain.shards import shard_in, shard_of
from offer_decision.errors import DecisionNotFound
from offer_decision.store.documents import (
    message_json,
    read_message,
    read_reasons,
    read_recommendation,
    reasons_json,
    recommendation_json,
)
from offer_decision.store.recoveries import StoredRecoveries
from offer_decision.store.tables import DECISION, SCHEMA

_KEY: Final = ("shard", "decision_id")
_NO_SHARD: Final = -1


class StoredDecisions:
    """Decisions in one transaction. Many ids go in as arrays: one statement, however many there are."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decisions: Sequence[Decision]) -> Collection[str]:
        """Keep new ones; their ids."""
        if not decisions:
            return frozenset()
        # In one order, for the same reason as below; ids begin with the shard.
        rows = [_values(one) for one in sorted(decisions, key=lambda one: one.decision_id)]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        added = await insert_ignoring_duplicates(self._connection, DECISION, columns, key=_KEY, returning=_KEY[1:])
        return {row.decision_id for row in added}

    async def known(self, decision_ids: Collection[str]) -> Collection[str]:
        """Those ids that are there."""
        wanted = listed(DECISION, _keys(decision_ids))
        query = select(DECISION.c.decision_id).join_from(DECISION, wanted, _same(wanted))
        return set((await self._connection.execute(query)).scalars())

    async def get(self, decision_id: str, *, lock: bool = False) -> Decision:
        """Raises DecisionNotFound; with `lock`, nobody else changes it until this unit of work ends."""
        query = select(DECISION).where(
            DECISION.c.shard == _shard_asked(decision_id), DECISION.c.decision_id == decision_id
        )
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise DecisionNotFound(decision_id)
        return (await self._with_recoveries([_decision(row)]))[0]

    async def lock_outcomes(self, decision_ids: Collection[str]) -> Mapping[str, Outcome]:
        """Outcomes of those that act, by id."""
        wanted = listed(DECISION, _keys(decision_ids))
        query = (
            select(DECISION.c.decision_id, DECISION.c.outcome)
            .join_from(DECISION, wanted, _same(wanted))
            .where(DECISION.c.outcome.is_not(None))
            # In one order, so that two batches with the same decisions wait for each other instead of dead-locking.
            .order_by(DECISION.c.shard, DECISION.c.decision_id)
            .with_for_update(of=DECISION)
        )
        return {row.decision_id: Outcome(row.outcome) for row in await self._connection.execute(query)}

    async def save_outcomes(self, outcomes: Mapping[str, tuple[Outcome, datetime]]) -> None:
        """Write outcomes and when they were heard of, by decision."""
        values: dict[str, list[Any]] = {  # Any: columns of several types
            "outcome": [outcome.value for outcome, _ in outcomes.values()],
            "outcome_time": [moment for _, moment in outcomes.values()],
        }
        await update_rows(self._connection, DECISION, _keys(outcomes) | values, key=_KEY)

    async def page(
        self, customer: str, campaign_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Decision]:
        """The newest `size` that come before `before` (time and id)."""
        order = (DECISION.c.create_time, DECISION.c.decision_id)
        query = select(DECISION).order_by(*(column.desc() for column in order)).limit(size)
        if before is not None:
            query = query.where(tuple_(*order) < tuple_(*before))
        if customer:
            query = query.where(DECISION.c.shard == shard_of(customer), DECISION.c.customer == customer)
        if campaign_id:
            query = query.where(DECISION.c.campaign_id == campaign_id)
        return await self._with_recoveries([_decision(row) for row in await self._connection.execute(query)])

    async def _with_recoveries(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        acting = [one.decision_id for one in decisions if one.verdict is Verdict.ACT]
        found = await StoredRecoveries(self._connection).of_decisions(acting) if acting else {}
        return [replace(one, recovery=found.get(one.decision_id)) for one in decisions]

    async def lock_customers(self, customers: Collection[str]) -> None:
        """Nobody else who locks them decides for these customers until this unit of work ends.

        Whole shards are locked: a breach hits thousands of customers at once, and the server's table of locks is small.
        """
        shards = sorted({shard_of(customer) for customer in customers})
        await self._connection.execute(_LOCK_SHARDS, {"shards": shards})

    async def count_recent(
        self, customers: Collection[str], since: Mapping[str, datetime]
    ) -> Mapping[str, Mapping[str, int]]:
        """Decisions to act after a moment of each campaign's own, by customer and campaign."""
        asked = {
            "shards": [shard_of(customer) for customer in customers],
            "customers": list(customers),
            "campaigns": list(since),
            "since": list(since.values()),
        }
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for row in await self._connection.execute(_COUNT_RECENT, asked):
            counts[row.customer][row.campaign_id] = row.messages
        return counts


def _shard_asked(decision_id: str) -> int:
    """The shard in an id that a caller names; one where nothing is kept for what is no decision's id."""
    try:
        return shard_in(decision_id)
    except ValueError:
        return _NO_SHARD


def _keys(decision_ids: Iterable[str]) -> dict[str, list[Any]]:  # Any: columns of several types
    ids = list(decision_ids)
    return {"shard": [_shard_asked(one) for one in ids], "decision_id": ids}


def _same(wanted: TableValuedAlias) -> ColumnElement[bool]:
    return and_(*(DECISION.c[name] == wanted.c[name] for name in _KEY))


def _values(decision: Decision) -> dict[str, object]:
    trigger = decision.trigger
    return {
        "shard": shard_of(trigger.customer),
        "decision_id": decision.decision_id,
        "customer": trigger.customer,
        "subscription": trigger.subscription,
        "trigger_kind": trigger.kind.value,
        "trigger_resource": trigger.resource,
        "event_time": trigger.event_time,
        "verdict": decision.verdict.value,
        "campaign_id": decision.campaign_id,
        "message": message_json(decision.message),
        "recommendation": recommendation_json(decision.recommendation),
        "reasons": reasons_json(decision.reasons),
        "create_time": decision.create_time,
        "outcome": decision.outcome.value if decision.outcome else None,
        "outcome_time": decision.outcome_time,
    }


def _decision(row: Row[tuple[Any, ...]]) -> Decision:  # Any: a row of a Core table
    trigger = Trigger(
        kind=TriggerKind(row.trigger_kind),
        resource=row.trigger_resource,
        event_time=row.event_time,
        customer=row.customer,
        subscription=row.subscription,
    )
    return Decision(
        decision_id=row.decision_id,
        trigger=trigger,
        verdict=Verdict(row.verdict),
        campaign_id=row.campaign_id,
        message=read_message(row.message),
        recommendation=read_recommendation(row.recommendation),
        reasons=read_reasons(row.reasons),
        create_time=row.create_time,
        outcome=Outcome(row.outcome) if row.outcome else None,
        outcome_time=row.outcome_time,
    )


# In one order, so that two batches wait for each other instead of dead-locking. The first key keeps these locks apart
# from those of others in this database.
_LOCK_SHARDS: Final = text(f"""
    SELECT pg_advisory_xact_lock(hashtext('{SCHEMA}.decision'), shard) FROM unnest(CAST(:shards AS integer[])) AS shard
""")  # noqa: S608 - constants
_COUNT_RECENT: Final = text(f"""
    SELECT kept.customer, kept.campaign_id, count(*) AS messages
    FROM unnest(CAST(:shards AS smallint[]), CAST(:customers AS text[])) AS asked (shard, customer)
    CROSS JOIN unnest(CAST(:campaigns AS text[]), CAST(:since AS timestamptz[])) AS limited (campaign_id, since)
    JOIN {SCHEMA}.decision AS kept
        ON kept.shard = asked.shard AND kept.customer = asked.customer
        AND kept.campaign_id = limited.campaign_id AND kept.create_time > limited.since
    GROUP BY kept.customer, kept.campaign_id
""")  # noqa: S608 - constants
