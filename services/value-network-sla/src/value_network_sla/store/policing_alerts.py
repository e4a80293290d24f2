"""How are alerts kept, and their changes in the order of their commit?"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store
from value_network_sla.domain.policing.alert import Alert
from value_network_sla.domain.policing.burn import AlertState
from value_network_sla.errors import AlertNotFound
from value_network_sla.store.policing_tables import BURN_ALERT, BURN_ALERT_CHANGE

_ALERTS: Final = TypeAdapter(Alert)


class AlertRows:
    """Alerts in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, objectives: Collection[str]) -> Sequence[Alert]:
        """Those of these objectives that wait or fire."""
        table = BURN_ALERT.c
        query = select(table.body).where(
            table.objective.in_(sorted(objectives)), table.state != AlertState.RESOLVED.value
        )
        return [_alert(body) for body in (await self._connection.execute(query)).scalars()]

    async def put(self, alert: Alert) -> None:
        """Keep an alert as it is now; unless it waits, watchers are told."""
        values = {
            "name": alert.name,
            "objective": alert.objective,
            "partner": alert.partner,
            "state": alert.state.value,
            "fire_time": alert.fire_time,
            "body": _body(alert),
        }
        await self._connection.execute(_PUT, values)
        if alert.state is not AlertState.PENDING:
            await self._connection.execute(_NOTE_CHANGE, {"body": values["body"]})

    async def forget(self, name: str) -> None:
        """An alert that never fired."""
        await self._connection.execute(delete(BURN_ALERT).where(BURN_ALERT.c.name == name))

    async def get(self, name: str) -> Alert:
        """Raises AlertNotFound, also for one that only waits."""
        query = select(BURN_ALERT.c.body).where(
            BURN_ALERT.c.name == name, BURN_ALERT.c.state != AlertState.PENDING.value
        )
        body = (await self._connection.execute(query)).scalar_one_or_none()
        if body is None:
            raise AlertNotFound(name)
        return _alert(body)

    async def page(
        self, partner: str | None, state: AlertState | None, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Alert]:
        """The latest `size` before `before` (fire time and name), latest first."""
        table = BURN_ALERT.c
        query = (
            select(table.body)
            .where(table.state != AlertState.PENDING.value)
            .order_by(table.fire_time.desc(), table.name.desc())
            .limit(size)
        )
        if partner is not None:
            query = query.where(table.partner == partner)
        if state is not None:
            query = query.where(table.state == state.value)
        if before is not None:
            query = query.where(tuple_(table.fire_time, table.name) < tuple_(*before))
        return [_alert(body) for body in (await self._connection.execute(query)).scalars()]


class AlertLogStore:
    """Reads changes of alerts, each time anew."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def last_position(self) -> int:
        """Of the latest change; 0 before the first."""
        async with self._store.reading() as connection:
            position: int = (await connection.execute(_LAST_POSITION)).scalar_one()
            return position

    async def after(self, position: int, size: int) -> Sequence[tuple[int, Alert]]:
        """The first `size` changes after a position."""
        table = BURN_ALERT_CHANGE.c
        query = select(BURN_ALERT_CHANGE).where(table.position > position).order_by(table.position).limit(size)
        async with self._store.reading() as connection:
            return [(row.position, _alert(row.body)) for row in await connection.execute(query)]


def _body(alert: Alert) -> str:
    return _ALERTS.dump_json(alert).decode()


def _alert(body: object) -> Alert:
    return _ALERTS.validate_json(json.dumps(body))


_PUT: Final = text(
    """
    INSERT INTO sla.burn_alert (name, objective, partner, state, fire_time, body)
    VALUES (:name, :objective, :partner, :state, :fire_time, CAST(:body AS jsonb))
    ON CONFLICT (name) DO UPDATE SET state = excluded.state, fire_time = excluded.fire_time, body = excluded.body
    """
)
# Whoever takes a position holds the row until it commits: positions are in the order of commits, without gaps.
_NOTE_CHANGE: Final = text(
    """
    WITH head AS (
        INSERT INTO sla.burn_alert_head AS kept (only_one, position) VALUES (true, 1)
        ON CONFLICT (only_one) DO UPDATE SET position = kept.position + 1
        RETURNING position
    )
    INSERT INTO sla.burn_alert_change (position, body) SELECT head.position, CAST(:body AS jsonb) FROM head
    """
)
_LAST_POSITION: Final = text("SELECT coalesce(max(position), 0) FROM sla.burn_alert_head")
