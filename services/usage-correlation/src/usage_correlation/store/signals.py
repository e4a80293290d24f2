"""How are signals kept in the order of their commit, and found again?"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import TypeAdapter
from sqlalchemy import Row, Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import PlacedSignal, Signal, SignalDetail, SignalKind, shard_of_signal
from usage_correlation.store.tables import SIGNAL

# A detail lies in its column as JSON under the name of its class.
_DETAILS: Final[Mapping[str, TypeAdapter[SignalDetail]]] = {
    each.__name__: TypeAdapter(each) for each in get_args(SignalDetail)
}


async def add(connection: AsyncConnection, signals: Sequence[Signal]) -> list[PlacedSignal]:
    """Keep signals with the next positions; those that were new. From here to its end the transaction is alone here."""
    last = (await connection.execute(_TAKE_POSITIONS, {"count": len(signals)})).scalar_one()
    first = last - len(signals) + 1
    rows = [_columns(first + number, signal) for number, signal in enumerate(signals)]
    added = await connection.execute(_ADD, {"rows": json.dumps(rows)})
    new = set(added.scalars())
    return [PlacedSignal(first + number, signal) for number, signal in enumerate(signals) if first + number in new]


class SignalStore:
    """Reads signals."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, signal_id: str) -> Signal | None:
        """One."""
        shard = shard_of_signal(signal_id)
        if shard is None:
            return None
        found = await self._read(select(SIGNAL).where(SIGNAL.c.shard == shard, SIGNAL.c.signal_id == signal_id))
        return found[0].signal if found else None

    async def page(
        self, subscription: str, kind: SignalKind | None, before: int | None, size: int
    ) -> Sequence[PlacedSignal]:
        """The newest `size` with a position below `before`, newest first; of everybody when `subscription` is empty."""
        query = select(SIGNAL).order_by(SIGNAL.c.position.desc()).limit(size)
        if subscription:
            query = query.where(SIGNAL.c.shard == shard_of(subscription), SIGNAL.c.subscription_id == subscription)
        if kind is not None:
            query = query.where(SIGNAL.c.kind == kind)
        if before is not None:
            query = query.where(SIGNAL.c.position < before)
        return await self._read(query)

    async def after(self, position: int, size: int) -> Sequence[PlacedSignal]:
        """The first `size` with a position above, in the order of their commit."""
        return await self._read(
            select(SIGNAL).where(SIGNAL.c.position > position).order_by(SIGNAL.c.position).limit(size)
        )

    async def last_position(self) -> int:
        """The position of the newest signal; 0 before the first."""
        async with self._store.reading() as connection:
            position: int = (await connection.execute(_LAST_POSITION)).scalar_one()
            return position

    async def _read(self, query: Select[Any]) -> list[PlacedSignal]:
        async with self._store.reading() as connection:
            return [_placed(row) for row in await connection.execute(query)]


def _columns(position: int, signal: Signal) -> Mapping[str, object]:
    name = type(signal.detail).__name__
    return {
        "shard": shard_of(signal.subscription),
        "signal_id": signal.id,
        "position": position,
        "kind": signal.kind,
        "subscription_id": signal.subscription,
        "customer_id": signal.customer,
        "event_time": signal.event_time.isoformat(),
        "arrive_time": signal.arrive_time.isoformat(),
        "create_time": signal.create_time.isoformat(),
        "evidence_records": signal.evidence,
        "detail": {name: _DETAILS[name].dump_python(signal.detail, mode="json")},
    }


def _placed(row: Row[Any]) -> PlacedSignal:
    [(name, detail)] = row.detail.items()
    signal = Signal(
        id=row.signal_id,
        kind=SignalKind(row.kind),
        subscription=row.subscription_id,
        customer=row.customer_id,
        event_time=row.event_time,
        arrive_time=row.arrive_time,
        create_time=row.create_time,
        evidence=tuple(row.evidence_records),
        detail=_DETAILS[name].validate_python(detail),
    )
    return PlacedSignal(row.position, signal)


_TAKE_POSITIONS: Final = text("UPDATE usage.signal_head SET position = position + :count RETURNING position")
_LAST_POSITION: Final = text("SELECT position FROM usage.signal_head")
_ADD: Final = text("""
    INSERT INTO usage.signal
    SELECT * FROM jsonb_populate_recordset(NULL::usage.signal, CAST(:rows AS jsonb))
    ON CONFLICT (shard, signal_id) DO NOTHING
    RETURNING position
""")
