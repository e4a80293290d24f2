"""Which events are stored, as patterns see them?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Row, text

from mesh.store import Store
from usage_correlation.domain.insights.perceived import perceived
from usage_correlation.domain.moments import LATEST_MICROS, from_micros, to_micros
from usage_correlation.domain.observations.observation import as_column
from usage_correlation.domain.patterns.columns import Events, Texts, column_of
from usage_correlation.domain.patterns.event_types import EVENT_TYPES, USAGE
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.patterns.usage_events import usage_fields
from usage_correlation.domain.shards import shard_of
from usage_correlation.store.arrays import integers, smallints

_AT_A_TIME: Final = 500


class EventHistory:
    """Reads what is stored."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def events(self, subjects: Sequence[SubscriberFacts], kind: str, start: int, end: int) -> Events:
        """Those of one type from start to end, both included, by subscription and time."""
        columns: tuple[Any, ...] = (
            smallints([facts.shard for facts in subjects]),
            integers([facts.key for facts in subjects]),
            from_micros(max(0, start)),
            from_micros(min(LATEST_MICROS - 1, end)),
        )
        if kind == USAGE:
            rows = await self._run(_USAGE, columns)
            return _events(kind, subjects, rows, usage_fields(*_usage_columns(rows)))
        rows = await self._run(_OBSERVATIONS, (*columns, kind))
        fields = EVENT_TYPES[kind].fields
        contents = [row.content for row in rows]
        return _events(
            kind,
            subjects,
            rows,
            perceived(
                kind,
                {
                    name: column_of(field.kind, [as_column(content.get(name), field.kind) for content in contents])
                    for name, field in fields.items()
                },
            ),
        )

    async def places(self, kinds: Collection[str], start: int, end: int) -> Sequence[PlaceEvent]:
        """Service alerts and local events that are on at any moment from start to end, by start and reference."""
        where = {
            "kinds": sorted(kinds),
            "start": from_micros(max(0, start)),
            "end": from_micros(min(LATEST_MICROS - 1, end)),
        }
        async with self._store.reading() as connection:
            rows = (await connection.execute(_PLACES, where)).all()
        found = [_place(row) for row in rows]
        return sorted(found, key=lambda each: (each.start, each.reference))

    async def subscriptions(self, only: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """All that are known, or those of `only` that are, some hundreds at a time, by id."""
        after = ""
        while names := await self._names(after, only, _AT_A_TIME):
            yield names
            after = names[-1]

    async def subscriptions_after(self, after: str, size: int) -> Sequence[str]:
        """The first `size` that come after one, by id."""
        return await self._names(after, (), size)

    async def with_events(self, subscriptions: Sequence[str], kinds: Collection[str], start: int) -> Collection[str]:
        """Those of some subscriptions of which events of some types are stored, from `start` on."""
        where = {
            "shards": [shard_of(each) for each in subscriptions],
            "names": list(subscriptions),
            "usage": USAGE in kinds,
            "kinds": sorted(set(kinds) - {USAGE}),
            "start": from_micros(max(0, start)),
        }
        async with self._store.reading() as connection:
            return set((await connection.execute(_WITH_EVENTS, where)).scalars())

    async def _names(self, after: str, only: Sequence[str], size: int) -> Sequence[str]:
        where = {"after": after, "only": list(only) or None, "size": size}
        async with self._store.reading() as connection:
            return list((await connection.execute(_SUBSCRIPTIONS, where)).scalars())

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        async with self._store.reading() as connection:
            return (await connection.exec_driver_sql(statement, columns)).all()


def _events(
    kind: str, subjects: Sequence[SubscriberFacts], rows: Sequence[Row[Any]], fields: Mapping[str, Any]
) -> Events:
    """Any: columns of the fields' kinds."""
    return Events(
        kind,
        Texts.of([subjects[row.number - 1].id for row in rows]),
        np.array([to_micros(row.event_time) for row in rows], np.int64),
        np.array([to_micros(row.arrive_time) for row in rows], np.int64),
        Texts.of([row.source for row in rows]),
        [row.event_id for row in rows],
        fields,
    )


def _usage_columns(rows: Sequence[Row[Any]]) -> tuple[Texts, Any, Texts, Texts, Texts]:
    """Any: an array."""
    return (
        Texts.of([row.usage_type for row in rows]),
        np.array([row.quantity for row in rows], np.int64),
        Texts.of([row.destination for row in rows]),
        Texts.of([row.visited_network for row in rows]),
        Texts.of([row.location_id for row in rows]),
    )


def _place(row: Row[Any]) -> PlaceEvent:
    return PlaceEvent(
        row.kind,
        row.source,
        row.observation_id,
        to_micros(row.start_time),
        None if row.end_time is None else to_micros(row.end_time),
        to_micros(row.arrive_time),
        frozenset(row.cells),
        frozenset(row.areas),
        row.content,
    )


_USAGE: Final = """
    SELECT asked.number, source, record_id AS event_id, start_time AS event_time, arrive_time, usage_type, quantity,
        destination, visited_network, location_id
    FROM unnest(%b, %b) WITH ORDINALITY AS asked (shard, subscription_key, number)
    JOIN usage.usage_record USING (shard, subscription_key)
    JOIN usage.source USING (source_key)
    WHERE start_time BETWEEN %s AND %s
    ORDER BY asked.number, start_time, source, record_id
"""
_OBSERVATIONS: Final = """
    SELECT asked.number, source, observation_id AS event_id, observe_time AS event_time, arrive_time, content
    FROM unnest(%b, %b) WITH ORDINALITY AS asked (shard, subscription_key, number)
    JOIN usage.observation USING (shard, subscription_key)
    JOIN usage.source USING (source_key)
    WHERE observe_time BETWEEN %s AND %s AND kind = %s
    ORDER BY asked.number, observe_time, source, observation_id
"""
_PLACES: Final = text("""
    SELECT * FROM usage.place_event
    WHERE kind = ANY(CAST(:kinds AS text[])) AND start_time <= :end AND (end_time IS NULL OR end_time > :start)
""")
_SUBSCRIPTIONS: Final = text("""
    SELECT subscription_id FROM usage.subscription
    WHERE subscription_id > :after
        AND (CAST(:only AS text[]) IS NULL OR subscription_id = ANY(CAST(:only AS text[])))
    ORDER BY subscription_id LIMIT :size
""")
_WITH_EVENTS: Final = text("""
    SELECT subscription_id
    FROM unnest(CAST(:shards AS smallint[]), CAST(:names AS text[])) AS asked (shard, subscription_id)
    JOIN usage.subscription USING (subscription_id)
    WHERE (:usage AND EXISTS (
        SELECT FROM usage.usage_record AS record
        WHERE record.shard = asked.shard AND record.subscription_key = subscription.subscription_key
            AND record.start_time >= :start
    )) OR EXISTS (
        SELECT FROM usage.observation AS seen
        WHERE seen.shard = asked.shard AND seen.subscription_key = subscription.subscription_key
            AND seen.observe_time >= :start AND seen.kind = ANY(CAST(:kinds AS text[]))
    )
""")
