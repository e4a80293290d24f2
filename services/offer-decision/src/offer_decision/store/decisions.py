"""How are decisions kept?"""

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from mesh.store import insert_ignoring_duplicates
from sqlalchemy import Row, bindparam, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from offer_decision.domain.campaigns import Amount, Purpose, TriggerKind
from offer_decision.domain.decisions import (
    Decision,
    MessageRequest,
    Outcome,
    Reason,
    Recommendation,
    Trigger,
    Verdict,
)
from offer_decision.errors import DecisionNotFound
from offer_decision.store.tables import DECISION

SHARDS: Final = 64
# In one order, so that two batches with the same customers wait for each other instead of dead-locking.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(customer, 0)) "
    "FROM (SELECT unnest(CAST(:customers AS text[])) AS customer ORDER BY 1) AS ordered"
)


class StoredDecisions:
    """Decisions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decisions: Sequence[Decision]) -> Collection[str]:
        """Keep new ones; their ids."""
        rows = [_values(one) for one in sorted(decisions, key=lambda one: _key(one.decision_id))]
        columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
        key = ["shard", "decision_id"]
        added = await insert_ignoring_duplicates(
            self._connection, DECISION, columns, key=key, returning=["decision_id"]
        )
        return {row.decision_id for row in added}

    async def known(self, decision_ids: Collection[str]) -> Collection[str]:
        """Those ids that are there."""
        query = select(DECISION.c.decision_id).where(_primary_key().in_([_key(one) for one in decision_ids]))
        return set((await self._connection.execute(query)).scalars())

    async def get(self, decision_id: str, *, lock: bool = False) -> Decision:
        """Raises DecisionNotFound."""
        query = select(DECISION).where(_primary_key() == tuple_(*_key(decision_id)))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise DecisionNotFound(decision_id)
        return _decision(row)

    async def lock_outcomes(self, decision_ids: Collection[str]) -> Mapping[str, Outcome]:
        """Outcomes of those that act, by id."""
        query = (
            select(DECISION.c.decision_id, DECISION.c.outcome)
            .where(_primary_key().in_([_key(one) for one in decision_ids]), DECISION.c.outcome.is_not(None))
            .order_by(_primary_key())
            .with_for_update()
        )
        return {row.decision_id: Outcome(row.outcome) for row in await self._connection.execute(query)}

    async def save_outcomes(self, outcomes: Mapping[str, tuple[Outcome, datetime]]) -> None:
        """Write outcomes, by decision."""
        if not outcomes:
            return
        statement = (
            update(DECISION)
            .where(DECISION.c.shard == bindparam("in_shard"), DECISION.c.decision_id == bindparam("of_decision"))
            .values(outcome=bindparam("new_outcome"), outcome_time=bindparam("new_time"))
        )
        await self._connection.execute(
            statement,
            [
                {"in_shard": _key(one)[0], "of_decision": one, "new_outcome": outcome.value, "new_time": moment}
                for one, (outcome, moment) in outcomes.items()
            ],
        )

    async def page(
        self, customer: str, campaign_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Decision]:
        """The newest `size` that come before `before`."""
        order = (DECISION.c.create_time, DECISION.c.decision_id)
        query = select(DECISION).order_by(*(column.desc() for column in order)).limit(size)
        if before is not None:
            query = query.where(tuple_(*order) < tuple_(*before))
        if customer:
            query = query.where(DECISION.c.customer == customer)
        if campaign_id:
            query = query.where(DECISION.c.campaign_id == campaign_id)
        return [_decision(row) for row in await self._connection.execute(query)]

    async def lock_customers(self, customers: Collection[str]) -> None:
        """Nobody else decides for these customers until this unit of work ends."""
        await self._connection.execute(_LOCK, {"customers": list(customers)})

    async def count_recent(self, customers: Collection[str], campaign_id: str, since: datetime) -> Mapping[str, int]:
        """Decisions to act of a campaign since a moment, by customer."""
        query = (
            select(DECISION.c.customer, func.count().label("messages"))
            .where(
                DECISION.c.customer.in_(customers),
                DECISION.c.campaign_id == campaign_id,
                DECISION.c.verdict == Verdict.ACT.value,
                DECISION.c.create_time > since,
            )
            .group_by(DECISION.c.customer)
        )
        return {row.customer: row.messages for row in await self._connection.execute(query)}


def _primary_key() -> Any:  # Any: what tuple_ of columns can do is not in its type
    return tuple_(DECISION.c.shard, DECISION.c.decision_id)


def _key(decision_id: str) -> tuple[int, str]:
    return zlib.crc32(decision_id.encode()) % SHARDS, decision_id


def _values(decision: Decision) -> dict[str, object]:
    trigger = decision.trigger
    return {
        "shard": _key(decision.decision_id)[0],
        "decision_id": decision.decision_id,
        "customer": trigger.customer,
        "subscription": trigger.subscription,
        "trigger_kind": trigger.kind.value,
        "trigger_resource": trigger.resource,
        "event_time": trigger.event_time,
        "verdict": decision.verdict.value,
        "campaign_id": decision.campaign_id,
        "message": _message_json(decision.message),
        "recommendation": _recommendation_json(decision.recommendation),
        "reasons": json.dumps([[reason.code, reason.text] for reason in decision.reasons]),
        "create_time": decision.create_time,
        "outcome": decision.outcome.value if decision.outcome else None,
        "outcome_time": decision.outcome_time,
    }


def _message_json(message: MessageRequest | None) -> str | None:
    if message is None:
        return None
    return json.dumps(
        {
            "template": message.template,
            "purpose": message.purpose.value,
            "parameters": dict(message.parameters),
            "action_path": message.action_path,
            "expire_time": message.expire_time.isoformat() if message.expire_time else None,
        }
    )


def _recommendation_json(recommendation: Recommendation | None) -> str | None:
    if recommendation is None:
        return None
    return json.dumps(
        {
            "current_plan": recommendation.current_plan,
            "recommended_plan": recommendation.recommended_plan,
            "current_micros": recommendation.current_cost.micros,
            "recommended_micros": recommendation.recommended_cost.micros,
            "currency": recommendation.current_cost.currency,
        }
    )


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
        message=_message(row.message),
        recommendation=_recommendation(row.recommendation),
        reasons=tuple(Reason(code, words) for code, words in row.reasons),
        create_time=row.create_time,
        outcome=Outcome(row.outcome) if row.outcome else None,
        outcome_time=row.outcome_time,
    )


def _message(document: Mapping[str, Any] | None) -> MessageRequest | None:  # Any: JSON of this module
    if document is None:
        return None
    expire_time = document["expire_time"]
    return MessageRequest(
        template=document["template"],
        purpose=Purpose(document["purpose"]),
        parameters=document["parameters"],
        action_path=document["action_path"],
        expire_time=datetime.fromisoformat(expire_time) if expire_time else None,
    )


def _recommendation(document: Mapping[str, Any] | None) -> Recommendation | None:  # Any: JSON of this module
    if document is None:
        return None
    currency = document["currency"]
    return Recommendation(
        current_plan=document["current_plan"],
        recommended_plan=document["recommended_plan"],
        current_cost=Amount(document["current_micros"], currency),
        recommended_cost=Amount(document["recommended_micros"], currency),
    )
