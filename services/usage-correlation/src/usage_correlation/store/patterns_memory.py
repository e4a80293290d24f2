"""How is kept what patterns remember of subscribers?"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from usage_correlation.domain.patterns.hits import KEPT_COLUMNS, SUM_COLUMNS, Kept, Objects, Sums, objects
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.signals import shard_of_signal
from usage_correlation.handlers.patterns.ports import LANES, Due, KeptPart, Stretch, SumPart
from usage_correlation.store.arrays import BinaryArray, bigints, doubles, integers, smallints, texts

_OBJECTS: Final = frozenset(("groups", "cells", "areas", "references"))
_DOUBLES: Final = frozenset(("values", "totals", "lows", "highs"))


class PostgresMemory:
    """The memory of a lane, in one transaction."""

    def __init__(self, connection: AsyncConnection, lane: int) -> None:
        self._connection = connection
        self._lane = lane

    async def keep_events(self, parts: Sequence[KeptPart]) -> None:
        """Keep events; those that are kept already stay as they are."""
        await self._run(
            _KEEP,
            (
                *_whose([(part.state, part.subjects, part.kept.subjects) for part in parts]),
                bigints(_all([part.kept.times for part in parts])),
                smallints(_all([part.kept.classes for part in parts])),
                _texts([part.kept.references for part in parts]),
                bigints(_all([part.kept.arrivals for part in parts])),
                doubles(_all([part.kept.values for part in parts])),
                bigints(_all([part.kept.digests for part in parts])),
                _texts([part.kept.groups for part in parts]),
                _texts([part.kept.cells for part in parts]),
                _texts([part.kept.areas for part in parts]),
            ),
        )

    async def add_sums(self, parts: Sequence[SumPart]) -> None:
        """Add to the sums by period."""
        sums = [part.sums for part in parts]
        await self._run(
            _ADD,
            (
                *_whose([(part.state, part.subjects, part.sums.subjects) for part in parts]),
                bigints(_all([each.starts for each in sums])),
                _texts([each.groups for each in sums]),
                bigints(_all([each.counts for each in sums])),
                doubles(_all([each.totals for each in sums])),
                doubles(_all([each.lows for each in sums])),
                doubles(_all([each.highs for each in sums])),
                bigints(_all([each.firsts for each in sums])),
                bigints(_all([each.latests for each in sums])),
                bigints(_all([each.arrivals for each in sums])),
                _texts([each.references for each in sums]),
            ),
        )

    async def forget(self, state: int, subjects: Sequence[SubscriberFacts]) -> None:
        """Forget what was counted of some subscribers, events and sums."""
        columns = (smallints([each.shard for each in subjects]), integers([each.key for each in subjects]), state)
        for statement in _FORGET:
            await self._run(statement, columns)

    async def events(self, wanted: Sequence[Stretch]) -> Sequence[Kept]:
        """The events of each stretch."""
        by_stretch = await self._read(_EVENTS, wanted)
        return [Kept(*_columns(KEPT_COLUMNS, rows)) for rows in by_stretch]

    async def sums(self, wanted: Sequence[Stretch]) -> Sequence[Sums]:
        """The sums of periods that began in each stretch."""
        by_stretch = await self._read(_SUMS, wanted)
        return [Sums(*_columns(SUM_COLUMNS, rows)) for rows in by_stretch]

    async def near(self, state: int, place: PlaceEvent, start: int, end: int) -> Collection[str]:
        """The subscriptions of the lane that have kept events in the cells or areas of a place event."""
        columns = (LANES, self._lane, state, start, end, texts(sorted(place.cells)), texts(sorted(place.areas)))
        return [row.subscription_id for row in await self._run(_NEAR, columns)]

    async def look_again(self, dues: Sequence[tuple[int, SubscriberFacts, int, int]], *, earliest: bool) -> None:
        """Look again at (state, subscriber) for what is decided at a moment, once the clock is at another."""
        merged: dict[tuple[int, int], tuple[int, int]] = {}
        for state, facts, due, settle in dues:
            known = merged.get((state, facts.key), (due, settle))
            merged[state, facts.key] = (min(due, known[0]), min(settle, known[1]))
        keys = sorted(merged)
        columns = (
            self._lane,
            integers([state for state, _ in keys]),
            integers([subscription for _, subscription in keys]),
            bigints([merged[key][0] for key in keys]),
            bigints([merged[key][1] for key in keys]),
        )
        await self._connection.exec_driver_sql(_EARLIER if earliest else _UNLESS, columns)

    async def take_due(self, states: Collection[int], clock: int, size: int) -> Sequence[Due]:
        """The first `size` of some states that the clock has reached, which are removed."""
        rows = await self._run(_DUE, (self._lane, clock, integers(sorted(states)), size))
        return [Due(row.state_key, row.subscription_id, row.due_micros) for row in rows]

    async def known(self, ids: Collection[str]) -> Collection[str]:
        """Those of some signals' ids that were raised before."""
        places = [(shard, each) for each in sorted(ids) if (shard := shard_of_signal(each)) is not None]
        columns = (smallints([shard for shard, _ in places]), texts([each for _, each in places]))
        return {row.signal_id for row in await self._run(_KNOWN, columns)}

    async def _read(self, statement: str, wanted: Sequence[Stretch]) -> list[list[tuple[int, Row[Any]]]]:
        """The rows of each stretch, each with the number of its subject."""
        asked = [
            (number, subject, stretch.state, stretch.subjects[subject], bounds)
            for number, stretch in enumerate(wanted)
            for subject, bounds in stretch.bounds.items()
        ]
        columns = (
            smallints([facts.shard for _, _, _, facts, _ in asked]),
            integers([state for _, _, state, _, _ in asked]),
            integers([facts.key for _, _, _, facts, _ in asked]),
            bigints([first for *_, (first, _) in asked]),
            bigints([last for *_, (_, last) in asked]),
        )
        found: list[list[tuple[int, Row[Any]]]] = [[] for _ in wanted]
        for row in await self._run(statement, columns):
            number, subject, *_ = asked[row[0] - 1]
            found[number].append((subject, row))
        return found

    async def _run(self, statement: str, columns: tuple[Any, ...]) -> Sequence[Row[Any]]:
        """Any: columns of several types, as the driver takes them and SQLAlchemy gives them."""
        result = await self._connection.exec_driver_sql(statement, columns)
        return result.all() if result.returns_rows else ()


def _whose(
    parts: Sequence[tuple[int, Sequence[SubscriberFacts], np.ndarray[Any, Any]]],
) -> tuple[BinaryArray, BinaryArray, BinaryArray]:
    """Shards, states and keys of subscriptions; Any: numpy's shapes."""
    shards, states, keys = [], [], []
    for state, subjects, numbers in parts:
        shards.append(np.array([each.shard for each in subjects], np.int64)[numbers])
        states.append(np.full(len(numbers), state, np.int64))
        keys.append(np.array([each.key for each in subjects], np.int64)[numbers])
    return smallints(_all(shards)), integers(_all(states)), integers(_all(keys))


def _all(columns: Iterable[Any]) -> Any:
    """Any: arrays of one type."""
    return np.concatenate(list(columns))


def _texts(columns: Iterable[Objects]) -> BinaryArray:
    return texts([str(value) for column in columns for value in column.tolist()])


def _columns(names: Sequence[str], rows: Sequence[tuple[int, Row[Any]]]) -> list[Any]:
    """Rows as columns: a row's first is the number of what was asked, the others stand in order; Any: arrays."""
    columns: list[Any] = [np.array([subject for subject, _ in rows], np.int64)]
    for place, name in enumerate(names[1:], start=1):
        values = [row[place] for _, row in rows]
        if name in _OBJECTS:
            columns.append(objects(values))
        else:
            columns.append(np.array(values, np.float64 if name in _DOUBLES else np.int64))
    return columns


_KEEP: Final = """
    INSERT INTO usage.pattern_event (
        shard, state_key, subscription_key, event_micros, event_class, reference, arrive_micros, value, digest,
        group_key, cell, area)
    SELECT * FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
    ON CONFLICT DO NOTHING
"""
_ADD: Final = """
    INSERT INTO usage.pattern_sum AS known (
        shard, state_key, subscription_key, start_micros, group_key, event_count, total, low, high, first_micros,
        latest_micros, latest_arrive_micros, latest_reference)
    SELECT * FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)
    ON CONFLICT (shard, state_key, subscription_key, start_micros, group_key) DO UPDATE SET
        event_count = known.event_count + excluded.event_count,
        total = known.total + excluded.total,
        low = least(known.low, excluded.low),
        high = greatest(known.high, excluded.high),
        first_micros = least(known.first_micros, excluded.first_micros),
        latest_arrive_micros = CASE
            WHEN (excluded.latest_micros, excluded.latest_reference) > (known.latest_micros, known.latest_reference)
            THEN excluded.latest_arrive_micros ELSE known.latest_arrive_micros END,
        latest_reference = CASE
            WHEN (excluded.latest_micros, excluded.latest_reference) > (known.latest_micros, known.latest_reference)
            THEN excluded.latest_reference ELSE known.latest_reference END,
        latest_micros = greatest(known.latest_micros, excluded.latest_micros)
"""
# The columns stand in the order of Kept and of Sums.
_EVENTS: Final = """
    SELECT asked.number, event_micros, arrive_micros, event_class, group_key, value, digest, cell, area, reference
    FROM unnest(%b, %b, %b, %b, %b)
        WITH ORDINALITY AS asked (shard, state_key, subscription_key, first, last, number)
    JOIN usage.pattern_event USING (shard, state_key, subscription_key)
    WHERE event_micros BETWEEN asked.first AND asked.last
"""
_SUMS: Final = """
    SELECT asked.number, group_key, start_micros, event_count, total, low, high, first_micros, latest_micros,
        latest_arrive_micros, latest_reference
    FROM unnest(%b, %b, %b, %b, %b)
        WITH ORDINALITY AS asked (shard, state_key, subscription_key, first, last, number)
    JOIN usage.pattern_sum USING (shard, state_key, subscription_key)
    WHERE start_micros BETWEEN asked.first AND asked.last
"""
_FORGET: Final = tuple(
    f"""
    DELETE FROM usage.{table} AS old USING unnest(%b, %b) AS mine (shard, subscription_key)
    WHERE old.state_key = %s AND (old.shard, old.subscription_key) = (mine.shard, mine.subscription_key)
    """  # noqa: S608 - put together from constants
    for table in ("pattern_event", "pattern_sum")
)
_NEAR: Final = """
    SELECT DISTINCT subscription_id
    FROM usage.pattern_event JOIN usage.subscription USING (subscription_key)
    WHERE shard %% %s = %s AND state_key = %s AND event_micros BETWEEN %s AND %s AND (cell = ANY(%b) OR area = ANY(%b))
"""
_EARLIER: Final = """
    INSERT INTO usage.pattern_due AS known (lane, state_key, subscription_key, due_micros, settle_micros)
    SELECT %s, * FROM unnest(%b, %b, %b, %b)
    ON CONFLICT (lane, state_key, subscription_key) DO UPDATE SET
        due_micros = excluded.due_micros, settle_micros = excluded.settle_micros
    WHERE excluded.due_micros < known.due_micros
"""
_UNLESS: Final = """
    INSERT INTO usage.pattern_due (lane, state_key, subscription_key, due_micros, settle_micros)
    SELECT %s, * FROM unnest(%b, %b, %b, %b)
    ON CONFLICT (lane, state_key, subscription_key) DO NOTHING
"""
_DUE: Final = """
    WITH ripe AS (
        SELECT lane, state_key, subscription_key FROM usage.pattern_due
        WHERE lane = %s AND settle_micros <= %s AND state_key = ANY(%b)
        ORDER BY settle_micros, state_key, subscription_key LIMIT %s
    ), taken AS (
        DELETE FROM usage.pattern_due USING ripe
        WHERE pattern_due.lane = ripe.lane AND pattern_due.state_key = ripe.state_key
            AND pattern_due.subscription_key = ripe.subscription_key
        RETURNING pattern_due.state_key, pattern_due.subscription_key, pattern_due.due_micros
    )
    SELECT state_key, subscription_id, due_micros FROM taken JOIN usage.subscription USING (subscription_key)
"""
_KNOWN: Final = """
    SELECT signal_id FROM usage.signal JOIN unnest(%b, %b) AS asked (shard, signal_id) USING (shard, signal_id)
"""
