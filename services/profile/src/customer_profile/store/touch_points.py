"""How are touch-points kept and found?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.domain.customers import Channel
from customer_profile.domain.shards import shard_of
from customer_profile.domain.touch_points import TouchPoint, Valence
from customer_profile.store.tables import TOUCH_POINT
from mesh.store import insert_ignoring_duplicates, listed

_KEY = ("shard", "customer_id", "touch_point_id")
_Key = tuple[str, str]


class TouchPointRows:
    """The table `touch_point`, as one transaction sees it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, points: Sequence[TouchPoint]) -> Collection[_Key]:
        """Keep those that are new; their keys. Those known, whatever their content, are left alone."""
        points = sorted(points, key=lambda point: (point.customer_id, point.touch_point_id))  # as for customers
        added = await insert_ignoring_duplicates(
            self._connection, TOUCH_POINT, _rows(points), key=_KEY, returning=_KEY[1:]
        )
        return [(row.customer_id, row.touch_point_id) for row in added]

    async def get(self, keys: Collection[_Key]) -> Mapping[_Key, TouchPoint]:
        """Those that exist, by key."""
        customers = [customer_id for customer_id, _ in keys]
        wanted = listed(
            TOUCH_POINT,
            {
                "shard": [shard_of(each) for each in customers],
                "customer_id": customers,
                "touch_point_id": [touch_point_id for _, touch_point_id in keys],
            },
        )
        same = and_(*(TOUCH_POINT.c[name] == wanted.c[name] for name in _KEY))
        rows = await self._connection.execute(select(TOUCH_POINT).join_from(TOUCH_POINT, wanted, same))
        return {(row.customer_id, row.touch_point_id): _touch_point(row) for row in rows}

    async def page(self, customer_id: str, before: tuple[datetime, str] | None, size: int) -> Sequence[TouchPoint]:
        """A customer's newest `size` that come before `before` (start time and id), newest first."""
        order = (TOUCH_POINT.c.start_time, TOUCH_POINT.c.touch_point_id)
        statement = select(TOUCH_POINT).where(*_of(customer_id))
        if before is not None:
            statement = statement.where(tuple_(*order) < tuple_(*before))
        statement = statement.order_by(*(column.desc() for column in order)).limit(size)
        return [_touch_point(row) for row in await self._connection.execute(statement)]

    async def count_negative(self, customer_id: str, since: datetime, until: datetime) -> int:
        """How many negative ones began after `since` and not after `until`."""
        statement = select(func.count()).where(
            *_of(customer_id),
            TOUCH_POINT.c.start_time > since,
            TOUCH_POINT.c.start_time <= until,
            TOUCH_POINT.c.valence == Valence.NEGATIVE.value,
        )
        count: int = (await self._connection.execute(statement)).scalar_one()
        return count


def _of(customer_id: str) -> tuple[Any, Any]:  # conditions; SQLAlchemy has no short name for their type
    return TOUCH_POINT.c.shard == shard_of(customer_id), TOUCH_POINT.c.customer_id == customer_id


def _rows(points: Sequence[TouchPoint]) -> dict[str, list[Any]]:
    return {
        "shard": [shard_of(point.customer_id) for point in points],
        "customer_id": [point.customer_id for point in points],
        "touch_point_id": [point.touch_point_id for point in points],
        "channel": [point.channel.value for point in points],
        "reason": [point.reason for point in points],
        "outcome": [point.outcome for point in points],
        "start_time": [point.start_time for point in points],
        "time_spent": [point.time_spent for point in points],
        "first_contact_resolution": [point.first_contact_resolution for point in points],
        "valence": [point.valence.value for point in points],
    }


def _touch_point(row: Row[Any]) -> TouchPoint:
    return TouchPoint(
        customer_id=row.customer_id,
        touch_point_id=row.touch_point_id,
        channel=Channel(row.channel),
        reason=row.reason,
        outcome=row.outcome,
        start_time=row.start_time,
        time_spent=row.time_spent,
        first_contact_resolution=row.first_contact_resolution,
        valence=Valence(row.valence),
    )
