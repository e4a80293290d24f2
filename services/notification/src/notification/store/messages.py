"""How are messages kept, found, and claimed for sending?"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from opentelemetry import trace
from sqlalchemy import Row, Select, and_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates, listed, update_rows
from mesh.store.trace_context import from_headers, to_headers
from notification.domain.messages import Message, MessageState
from notification.domain.routes import Purpose
from notification.domain.shards import shard_of
from notification.handlers.ports import Claimed, MessageKey, Place
from notification.store.documents import attempt_documents, attempts_from, leg_documents, legs_from
from notification.store.tables import MESSAGE

_KEY = ("shard", "customer_id", "message_id")
_ORDER = (MESSAGE.c.create_time, MESSAGE.c.customer_id, MESSAGE.c.message_id)
_URGENCY = {Purpose.URGENT_SERVICE: 0, Purpose.SERVICE: 1, Purpose.MARKETING: 2}
"""Those with a lower number are sent first."""


class MessageRows:
    """The table `message`, as one transaction sees it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, messages: Sequence[Message]) -> Collection[MessageKey]:
        """Keep those that are new, with the current trace; their keys. Those known are left alone."""
        if not messages:
            return []
        # Everybody inserts in the same order, so that two batches that meet wait for each other once, not for ever.
        messages = sorted(messages, key=lambda message: (message.customer_id, message.message_id))
        rows = {**_keys(messages), **_written(messages), **_changing(messages)}
        for name in ("legs", "attempts"):
            rows[name] = [json.dumps(each) for each in rows[name]]
        traceparent, tracestate = to_headers(trace.get_current_span().get_span_context())
        rows["traceparent"], rows["tracestate"] = [traceparent] * len(messages), [tracestate] * len(messages)
        added = await insert_ignoring_duplicates(self._connection, MESSAGE, rows, key=_KEY, returning=_KEY[1:])
        return [(row.customer_id, row.message_id) for row in added]

    async def get(self, key: MessageKey) -> Message | None:
        """One."""
        row = (await self._connection.execute(_of([key]))).one_or_none()
        return None if row is None else _message(row)

    async def lock(self, keys: Collection[MessageKey]) -> Mapping[MessageKey, Message]:
        """Those that exist; nobody else changes them until this transaction ends."""
        rows = await self._connection.execute(_locked(_of(keys)))
        return {(row.customer_id, row.message_id): _message(row) for row in rows}

    async def save(self, messages: Sequence[Message]) -> None:
        """Write changed ones; they must be locked. A claim on them ends."""
        rows = {**_keys(messages), **_changing(messages)}
        await update_rows(self._connection, MESSAGE, rows, key=_KEY)

    async def page(
        self, customer_id: str | None, state: MessageState | None, before: Place | None, size: int
    ) -> Sequence[Message]:
        """The newest `size` that come before `before`, newest first; of everybody when `customer_id` is None."""
        statement = select(MESSAGE)
        if customer_id is not None:
            statement = statement.where(_is_of(customer_id))
        if state is not None:
            statement = statement.where(MESSAGE.c.state == state.value)
        if before is not None:
            statement = statement.where(tuple_(*_ORDER) < tuple_(*before))
        statement = statement.order_by(*(column.desc() for column in _ORDER)).limit(size)
        return [_message(row) for row in await self._connection.execute(statement)]

    async def claim(self, now: datetime, until: datetime, size: int) -> Sequence[Claimed]:
        """Up to `size` that are due, urgent ones first; nobody else gets them before `until`."""
        rows = await self._connection.execute(_CLAIM, {"now": now, "until": until, "size": size})
        claimed = [Claimed(_message(row), row.claims, from_headers(row.traceparent, row.tracestate)) for row in rows]
        return sorted(claimed, key=lambda each: (_URGENCY[each.message.purpose], each.message.create_time))

    async def still_claimed(self, claimed: Collection[Claimed]) -> Mapping[MessageKey, Message]:
        """Those that nobody else has claimed since, as they are now; locked as by `lock`."""
        keys = [(each.message.customer_id, each.message.message_id) for each in claimed]
        ours = {key: each.claim for key, each in zip(keys, claimed, strict=True)}
        rows = await self._connection.execute(_locked(_of(keys)))
        return {
            (row.customer_id, row.message_id): _message(row)
            for row in rows
            if row.claims == ours[row.customer_id, row.message_id]
        }


def _of(keys: Collection[MessageKey]) -> Select[Any]:
    wanted = listed(
        MESSAGE,
        {
            "shard": [shard_of(customer_id) for customer_id, _ in keys],
            "customer_id": [customer_id for customer_id, _ in keys],
            "message_id": [message_id for _, message_id in keys],
        },
    )
    return select(MESSAGE).join_from(MESSAGE, wanted, and_(*(MESSAGE.c[name] == wanted.c[name] for name in _KEY)))


def _locked(statement: Select[Any]) -> Select[Any]:
    in_order = statement.order_by(*(MESSAGE.c[name] for name in _KEY))
    return in_order.with_for_update(of=MESSAGE)


def _is_of(customer_id: str) -> Any:  # a condition; SQLAlchemy has no short name for its type
    return and_(MESSAGE.c.shard == shard_of(customer_id), MESSAGE.c.customer_id == customer_id)


def _keys(messages: Sequence[Message]) -> dict[str, list[Any]]:
    return {
        "shard": [shard_of(message.customer_id) for message in messages],
        "customer_id": [message.customer_id for message in messages],
        "message_id": [message.message_id for message in messages],
    }


def _written(messages: Sequence[Message]) -> dict[str, list[Any]]:
    """What stays as it was written."""
    return {
        "decision": [message.decision for message in messages],
        "trigger_resource": [message.trigger for message in messages],
        "template": [message.template for message in messages],
        "purpose": [message.purpose.value for message in messages],
        "language_code": [message.language_code for message in messages],
        "subject": [message.subject for message in messages],
        "body": [message.body for message in messages],
        "action_path": [message.action_path for message in messages],
        "create_time": [message.create_time for message in messages],
        "expire_time": [message.expire_time for message in messages],
        "event_time": [message.event_time for message in messages],
        "decision_time": [message.decision_time for message in messages],
        "urgency": [_URGENCY[message.purpose] for message in messages],
    }


def _changing(messages: Sequence[Message]) -> dict[str, list[Any]]:
    return {
        "state": [message.state.value for message in messages],
        "legs": [leg_documents(message.legs) for message in messages],
        "routed_time": [message.routed_time for message in messages],
        "attempts": [attempt_documents(message.attempts) for message in messages],
        "next_attempt_time": [message.next_attempt_time for message in messages],
        "read_time": [message.read_time for message in messages],
        "take_time": [message.due_time for message in messages],
    }


def _message(row: Row[Any]) -> Message:
    return Message(
        customer_id=row.customer_id,
        message_id=row.message_id,
        decision=row.decision,
        trigger=row.trigger_resource,
        template=row.template,
        purpose=Purpose(row.purpose),
        language_code=row.language_code,
        subject=row.subject,
        body=row.body,
        action_path=row.action_path,
        state=MessageState(row.state),
        legs=legs_from(row.legs),
        routed_time=row.routed_time,
        attempts=attempts_from(row.attempts),
        create_time=row.create_time,
        next_attempt_time=row.next_attempt_time,
        expire_time=row.expire_time,
        read_time=row.read_time,
        event_time=row.event_time,
        decision_time=row.decision_time,
    )


# Rows that another process is claiming at this moment are passed over. Within an urgency, those due longest come first.
_CLAIM = text("""
    WITH due AS (
        SELECT found.shard, found.customer_id, found.message_id
        FROM (VALUES (0), (1), (2)) AS level (urgency)
        CROSS JOIN LATERAL (
            SELECT shard, customer_id, message_id FROM notification.message
            WHERE message.urgency = level.urgency AND message.take_time <= :now
            ORDER BY take_time LIMIT :size
            FOR UPDATE SKIP LOCKED
        ) AS found
        LIMIT :size
    )
    UPDATE notification.message SET take_time = :until, claims = claims + 1
    FROM due
    WHERE message.shard = due.shard AND message.customer_id = due.customer_id AND message.message_id = due.message_id
    RETURNING message.*
""")
