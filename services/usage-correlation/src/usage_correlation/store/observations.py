"""How are observations kept?"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from sqlalchemy import Row, text

from mesh.store import Store, UnitOfWork
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.observations.observation import Observation, ObservationKey
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.observations.ports import ListStart
from usage_correlation.store.arrays import bigints, integers, smallints, texts, timestamps


class ObservationStore:
    """All observations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def writing(self, sources: Mapping[str, int]) -> AbstractAsyncContextManager["PostgresObservationWriter"]:
        """A transaction; commits when the block ends well. `sources`: the keys of the observations' sources."""
        return self._writing(sources)

    @asynccontextmanager
    async def _writing(self, sources: Mapping[str, int]) -> AsyncIterator["PostgresObservationWriter"]:
        async with self._store.unit_of_work() as uow:
            yield PostgresObservationWriter(uow, sources)

    async def page(
        self, subscription: str, interval: tuple[int | None, int | None], after: ListStart | None, size: int
    ) -> Sequence[Observation]:
        """Those of a subscription in [start, end) microseconds, by time."""
        start, end = interval
        where = {
            "shard": shard_of(subscription),
            "subscription": subscription,
            "start": None if start is None else from_micros(start),
            "end": None if end is None else from_micros(end),
            "after": None if after is None else from_micros(after.micros),
            "source": "" if after is None else after.source,
            "id": "" if after is None else after.id,
            "size": size,
        }
        async with self._store.reading() as connection:
            rows = (await connection.execute(_PAGE, where)).all()
        return [_observation(subscription, row) for row in rows]


class PostgresObservationWriter:
    """One transaction that takes observations in."""

    def __init__(self, uow: UnitOfWork, sources: Mapping[str, int]) -> None:
        self.uow = uow
        self._sources = sources
        self._names = {key: source for source, key in sources.items()}

    async def claim(self, digests: Mapping[ObservationKey, int]) -> Mapping[ObservationKey, int]:
        """Make observations known; the content digests of those that were known before, by key."""
        # Sorted, so that two who send the same wait for each other in one order.
        places = sorted((shard_of(each), self._sources[source], each) for source, each in digests)
        shards, sources, ids = zip(*places, strict=True)
        contents = [digests[self._names[source], each] for _, source, each in places]
        columns = (smallints(shards), integers(sources), texts(ids), bigints(contents))
        new = {(self._names[row.source_key], row.observation_id) for row in await self._run(_CLAIM, columns)}
        if len(new) == len(digests):
            return {}
        known = await self._run(_KNOWN, columns[:3])
        found = {(self._names[row.source_key], row.observation_id): row.content_digest for row in known}
        return {key: digest for key, digest in found.items() if key not in new}

    async def append(
        self, observations: Sequence[Observation], subscribers: Mapping[str, Subscriber], arrive_micros: int
    ) -> None:
        """Store observations of subscribers and of places."""
        own = [each for each in observations if each.spread is None]
        if own:
            holders = [subscribers[each.subscription] for each in own]
            columns = (
                from_micros(arrive_micros),
                timestamps([each.micros for each in own]),
                integers([holder.key for holder in holders]),
                integers([self._sources[each.source] for each in own]),
                smallints([holder.shard for holder in holders]),
                texts([each.kind for each in own]),
                texts([each.id for each in own]),
                texts([json.dumps(dict(each.content), ensure_ascii=False) for each in own]),
            )
            await self.uow.connection.exec_driver_sql(_APPEND, columns)
        revisions: dict[tuple[str, str, str], tuple[int, Mapping[str, object]]] = {}
        for each in observations:
            if each.spread is not None:
                key, number = (each.kind, each.source, each.place_key), each.spread.revision
                if key not in revisions or number > revisions[key][0]:
                    revisions[key] = number, _place_row(each, arrive_micros)
        if revisions:
            # Sorted, so that two who tell of the same wait for each other in one order.
            rows = [row for _, (_, row) in sorted(revisions.items(), key=lambda one: one[0])]
            await self.uow.connection.execute(_APPEND_PLACES, {"rows": json.dumps(rows)})

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        return (await self.uow.connection.exec_driver_sql(statement, columns)).all()


def _place_row(observation: Observation, arrive_micros: int) -> Mapping[str, object]:
    spread = observation.spread
    if spread is None:
        raise ValueError(f"an observation of {observation.kind} concerns no place")
    return {
        "kind": observation.kind,
        "source": observation.source,
        "observation_id": observation.place_key,
        "revision": spread.revision,
        "start_time": from_micros(spread.start_micros).isoformat(),
        "end_time": None if spread.end_micros is None else from_micros(spread.end_micros).isoformat(),
        "arrive_time": from_micros(arrive_micros).isoformat(),
        "cells": list(spread.cells),
        "areas": list(spread.areas),
        "content": dict(observation.content),
    }


def _observation(subscription: str, row: Row[Any]) -> Observation:
    return Observation(
        0, row.source, row.observation_id, subscription, row.kind, to_micros(row.observe_time), row.content
    )


_CLAIM: Final = """
    INSERT INTO usage.observation_key (key_shard, source_key, observation_id, content_digest)
    SELECT * FROM unnest(%b, %b, %b, %b)
    ON CONFLICT (key_shard, source_key, observation_id) DO NOTHING
    RETURNING source_key, observation_id
"""
_KNOWN: Final = """
    SELECT source_key, observation_id, content_digest
    FROM usage.observation_key
    JOIN unnest(%b, %b, %b) AS wanted (key_shard, source_key, observation_id)
        USING (key_shard, source_key, observation_id)
"""
_APPEND: Final = """
    INSERT INTO usage.observation (
        arrive_time, observe_time, subscription_key, source_key, shard, kind, observation_id, content)
    SELECT %s, observe_time, subscription_key, source_key, shard, kind, observation_id, content::jsonb
    FROM unnest(%b, %b, %b, %b, %b, %b, %b)
        AS new (observe_time, subscription_key, source_key, shard, kind, observation_id, content)
"""
_APPEND_PLACES: Final = text("""
    INSERT INTO usage.place_event AS known
    SELECT * FROM jsonb_populate_recordset(NULL::usage.place_event, CAST(:rows AS jsonb))
    ON CONFLICT (kind, source, observation_id) DO UPDATE SET
        start_time = excluded.start_time, end_time = excluded.end_time, arrive_time = excluded.arrive_time,
        cells = excluded.cells, areas = excluded.areas, content = excluded.content, revision = excluded.revision
    WHERE excluded.revision > known.revision
""")
_PAGE: Final = text("""
    SELECT source, observation_id, kind, observe_time, content
    FROM usage.observation JOIN usage.source USING (source_key) JOIN usage.subscription USING (subscription_key)
    WHERE shard = :shard AND subscription_id = :subscription
        AND (CAST(:start AS timestamptz) IS NULL OR observe_time >= :start)
        AND (CAST(:end AS timestamptz) IS NULL OR observe_time < :end)
        AND (CAST(:after AS timestamptz) IS NULL OR (observe_time, source, observation_id) > (:after, :source, :id))
    ORDER BY observe_time, source, observation_id
    LIMIT :size
""")
