"""How are charging sessions, their answers and their quotas kept?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store, UnitOfWork
from rating import Service
from usage_correlation.domain.charging.containers import Container, ContainerId
from usage_correlation.domain.charging.quotas import Grant, Planned
from usage_correlation.domain.charging.requests import Kind, Place
from usage_correlation.domain.charging.sessions import Context, Session, State, shard_of_session
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.shards import shard_of
from usage_correlation.handlers.charging.ports import Answer, Held, Kept, RefusedContainer, Settled
from usage_correlation.store.charging_tables import (
    CHARGING_ANSWER,
    CHARGING_REFUSAL,
    CHARGING_RESERVATION,
    CHARGING_SESSION,
)

_GRANTS: Final = TypeAdapter(tuple[Grant, ...])
_AT_A_TIME: Final = 1000
_MOST_ROUNDS: Final = 100


class ChargingStore:
    """Charging sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, session: str, sequence: int) -> tuple[Session | None, Kept | None]:
        """A session, and the answer given to a number."""
        async with self._store.reading() as connection:
            return await _session(connection, session), await _kept(connection, session, sequence)

    async def state(self, session: str) -> tuple[Session, Sequence[Held], Sequence[RefusedContainer]] | None:
        """All that is known of a session."""
        where = {"shard": shard_of_session(session), "session": session}
        async with self._store.reading() as connection:
            found = await _session(connection, session)
            if found is None:
                return None
            held = (await connection.execute(_HELD_BY, {**where, "subscription": found.subscription})).all()
            refused = (await connection.execute(_REFUSED, where)).all()
        holds = [Held(row.rating_group, _planned(row), row.first_sequence, row.expire_time) for row in held]
        return found, holds, [_refused(row) for row in refused]

    def settling(self, subscription: str) -> AbstractAsyncContextManager["ChargingWriter"]:
        """A transaction on a subscription's sessions; commits when the block ends well."""
        return self._settling(subscription)

    @asynccontextmanager
    async def _settling(self, subscription: str) -> AsyncIterator["ChargingWriter"]:
        async with self._store.unit_of_work() as uow:
            # Held until the transaction ends, so that no two sessions are granted the same money.
            await uow.connection.execute(_LOCK, {"subscription": subscription})
            yield ChargingWriter(uow, subscription)

    async def time_out(self, now: datetime, kept: timedelta) -> int:
        """Give up sessions that were not heard of, and forget what ended or was answered longer ago than `kept`."""
        given_up = await self._repeat(_TIME_OUT, {"now": now, "forget": now + kept})
        await self._repeat(_FORGET, {"now": now})
        await self._repeat(_FORGET_ANSWERS, {"before": now - kept})
        return given_up

    async def _repeat(self, statement: Any, parameters: Mapping[str, object]) -> int:  # Any: SQLAlchemy's text()
        """In short transactions, until there is no more to do."""
        total = 0
        for _ in range(_MOST_ROUNDS):
            async with self._store.unit_of_work() as uow:
                done = (await uow.connection.execute(statement, {**parameters, "size": _AT_A_TIME})).scalar_one()
            total += done
            if done < _AT_A_TIME:
                break
        return total


class ChargingWriter:
    """One transaction on a subscription's sessions."""

    def __init__(self, uow: UnitOfWork, subscription: str) -> None:
        self._uow = uow
        self._subscription = subscription
        self._shard = shard_of(subscription)

    @property
    def uow(self) -> UnitOfWork:
        """The transaction."""
        return self._uow

    async def session(self, session: str) -> Session | None:
        """As it is now; nobody else changes it until the transaction ends."""
        return await _session(self._uow.connection, session, lock=True)

    async def kept(self, session: str, sequence: int) -> Kept | None:
        """The answer given to a number."""
        return await _kept(self._uow.connection, session, sequence)

    async def held(self, now: datetime, session: str, groups: Collection[int]) -> Sequence[Planned]:
        """What the subscription's sessions hold now, without these rating groups of one session."""
        where = {
            "shard": self._shard, "subscription": self._subscription, "now": now,
            "session": session, "groups": list(groups),
        }  # fmt: skip
        return [_planned(row) for row in await self._uow.connection.execute(_HELD, where)]

    async def settle(self, settled: Settled) -> None:
        """Write it all."""
        connection, session = self._uow.connection, settled.session
        await connection.execute(_save(session))
        await connection.execute(_release(self._shard, self._subscription, session.id, settled.released_groups))
        place = {"shard": self._shard, "session_id": session.id}
        if settled.held:
            rows = [{**place, "subscription_id": self._subscription, **_held_columns(held)} for held in settled.held]
            await connection.execute(insert(CHARGING_RESERVATION).values(rows))
        if settled.refused:
            rows = [{**place, **_refused_columns(each)} for each in settled.refused]
            await connection.execute(insert(CHARGING_REFUSAL).values(rows).on_conflict_do_nothing())
        if settled.kept is not None:
            answer = settled.kept.answer
            columns = {
                **place,
                "sequence": settled.sequence,
                "request_digest": settled.kept.digest,
                "grants": _GRANTS.dump_python(answer.grants, mode="json"),
                "answer_time": answer.time,
            }
            await connection.execute(insert(CHARGING_ANSWER).values(columns))


async def _session(connection: AsyncConnection, session: str, *, lock: bool = False) -> Session | None:
    table = CHARGING_SESSION
    query = select(table).where(table.c.shard == shard_of_session(session), table.c.session_id == session)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        return None
    return Session(
        id=row.session_id,
        caller=row.caller,
        source=row.source,
        subscription=row.subscription_id,
        context=Context(
            Kind(row.kind), row.destination, Place(row.visited_network, row.location_id), tuple(row.home_networks)
        ),
        state=State(row.state),
        last_sequence=row.last_sequence,
        create_time=row.create_time,
        update_time=row.update_time,
        expire_time=row.expire_time,
    )


async def _kept(connection: AsyncConnection, session: str, sequence: int) -> Kept | None:
    table = CHARGING_ANSWER
    query = select(table).where(
        table.c.shard == shard_of_session(session), table.c.session_id == session, table.c.sequence == sequence
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Kept(row.request_digest, Answer(row.answer_time, _GRANTS.validate_python(row.grants)))


def _save(session: Session) -> Any:  # Any: SQLAlchemy's insert has no plainer type
    context = session.context
    columns: dict[str, object] = {
        "shard": shard_of_session(session.id),
        "session_id": session.id,
        "caller": session.caller,
        "source": session.source,
        "subscription_id": session.subscription,
        "state": session.state,
        "last_sequence": session.last_sequence,
        "create_time": session.create_time,
        "update_time": session.update_time,
        "expire_time": session.expire_time,
        "kind": context.kind,
        "destination": context.destination,
        "visited_network": context.place.network,
        "location_id": context.place.cell,
        "home_networks": list(context.home_networks),
    }
    statement = insert(CHARGING_SESSION).values(columns)
    return statement.on_conflict_do_update(index_elements=["shard", "session_id"], set_=columns)


def _release(shard: int, subscription: str, session: str, groups: Sequence[int] | None) -> Any:  # Any: as above
    table = CHARGING_RESERVATION
    statement = delete(table).where(
        table.c.shard == shard, table.c.subscription_id == subscription, table.c.session_id == session
    )
    return statement if groups is None else statement.where(table.c.rating_group.in_(groups))


def _held_columns(held: Held) -> dict[str, object]:
    planned = held.planned
    return {
        "rating_group": held.rating_group,
        "usage_type": planned.service,
        "start_time": planned.start,
        "quantity": planned.quantity,
        "destination": planned.destination,
        "visited_network": planned.visited_network,
        "first_sequence": held.first_sequence,
        "expire_time": held.expire_time,
    }


def _planned(row: Row[Any]) -> Planned:
    return Planned(Service(row.usage_type), row.start_time, row.quantity, row.destination, row.visited_network)


def _refused_columns(refused: RefusedContainer) -> dict[str, object]:
    container = refused.container
    return {
        "sequence": refused.sequence,
        "rating_group": refused.id.rating_group,
        "local_sequence": refused.id.number,
        "reason": refused.refusal.reason,
        "field": refused.refusal.field,
        "description": refused.refusal.description,
        "usage_type": container and container.service,
        "start_time": container and from_micros(container.start_micros),
        "quantity": container and container.quantity,
        "destination": container and container.destination,
        "visited_network": container and container.visited_network,
        "location_id": container and container.cell,
    }


def _refused(row: Row[Any]) -> RefusedContainer:
    name = ContainerId(row.rating_group, row.local_sequence)
    container = None
    if row.usage_type is not None:
        start = to_micros(row.start_time)
        service = Service(row.usage_type)
        place = (row.visited_network, row.location_id)
        container = Container(name, service, start, row.quantity, row.destination, *place)
    return RefusedContainer(row.sequence, name, Refusal(Reason(row.reason), row.field, row.description), container)


_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('charging:' || :subscription, 0))")
_HELD: Final = text("""
    SELECT * FROM usage.charging_reservation
    WHERE shard = :shard AND subscription_id = :subscription AND expire_time > :now
        AND NOT (session_id = :session AND rating_group = ANY(CAST(:groups AS bigint[])))
    ORDER BY start_time, session_id, rating_group
""")
_HELD_BY: Final = text("""
    SELECT * FROM usage.charging_reservation
    WHERE shard = :shard AND subscription_id = :subscription AND session_id = :session
    ORDER BY rating_group
""")
_REFUSED: Final = text("""
    SELECT * FROM usage.charging_refusal
    WHERE shard = :shard AND session_id = :session
    ORDER BY sequence, rating_group, local_sequence
""")
# Rows that a request is working on are passed over: it is heard of.
_DUE: Final = """
    SELECT shard, session_id, subscription_id FROM usage.charging_session
    WHERE expire_time < :now AND {which}
    ORDER BY expire_time LIMIT :size FOR UPDATE SKIP LOCKED
"""
# Usage that was refused is waited for to be repaired.
_SETTLED: Final = """
    (expire_time < CAST(:now AS timestamptz) - interval '90 days' OR NOT EXISTS (
        SELECT FROM usage.charging_refusal AS refused
        WHERE refused.shard = charging_session.shard AND refused.session_id = charging_session.session_id
    ))
"""
_GIVE_BACK: Final = """
    DELETE FROM usage.charging_reservation AS held USING due
    WHERE held.shard = due.shard AND held.subscription_id = due.subscription_id AND held.session_id = due.session_id
"""
_TIME_OUT: Final = text(f"""
    WITH due AS ({_DUE.format(which="state = 'OPEN'")}), given_back AS ({_GIVE_BACK}), given_up AS (
        UPDATE usage.charging_session AS session SET state = 'TIMED_OUT', expire_time = :forget FROM due
        WHERE session.shard = due.shard AND session.session_id = due.session_id
        RETURNING 1
    )
    SELECT count(*) FROM given_up
""")  # noqa: S608 - put together from constants
_FORGET: Final = text(f"""
    WITH due AS ({_DUE.format(which=f"state <> 'OPEN' AND {_SETTLED}")}), refused AS (
        DELETE FROM usage.charging_refusal AS refused USING due
        WHERE refused.shard = due.shard AND refused.session_id = due.session_id
    ), forgotten AS (
        DELETE FROM usage.charging_session AS session USING due
        WHERE session.shard = due.shard AND session.session_id = due.session_id
        RETURNING 1
    )
    SELECT count(*) FROM forgotten
""")  # noqa: S608 - the same
_FORGET_ANSWERS: Final = text("""
    WITH due AS (
        SELECT shard, session_id, sequence FROM usage.charging_answer
        WHERE answer_time < :before ORDER BY answer_time LIMIT :size FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        DELETE FROM usage.charging_answer AS answer USING due
        WHERE answer.shard = due.shard AND answer.session_id = due.session_id AND answer.sequence = due.sequence
        RETURNING 1
    )
    SELECT count(*) FROM forgotten
""")
