"""How are measurements kept, and how is a series read?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows, insert_ignoring_duplicates
from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.metrics import is_plausible, metric_named
from value_network_sla.domain.policing.series import Series
from value_network_sla.domain.policing.windows import floor_minute
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.policing.ports import Stored
from value_network_sla.store.policing_tables import MEASUREMENT, MEASUREMENT_VALUE

MOST_POINTS: Final = 1_000_000
"""Looked at in one call: a value a minute for two years."""
_KEY: Final = ("partner", "source", "measurement_id")
_Id = tuple[str, str, str]


class MeasurementRows:
    """Measurements in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, measurements: Sequence[Measurement], now: datetime) -> Stored:
        """Keep those that are new and have objectives count them."""
        del now
        places: dict[_Id, int] = {}
        for place, each in enumerate(measurements):
            places.setdefault(_id(each), place)
        first = [measurements[place] for place in places.values()]
        rows: dict[str, Sequence[object]] = {
            **{name: [getattr(each, name) for each in first] for name in _KEY},
            "digest": [each.digest for each in first],
            "measure_time": [each.time for each in first],
        }
        added = await insert_ignoring_duplicates(self._connection, MEASUREMENT, rows, key=_KEY)
        new = {places[row.partner, row.source, row.measurement_id] for row in added}
        accepted = [measurements[place] for place in sorted(new)]
        await self._add_values(accepted)
        again = [each for place, each in enumerate(measurements) if place not in new]
        kept = await self._digests(again)
        conflicting = [each for each in again if kept[_id(each)] != each.digest]
        return Stored(accepted, len(again) - len(conflicting), conflicting)

    async def _digests(self, measurements: Sequence[Measurement]) -> dict[_Id, bytes]:
        if not measurements:
            return {}
        columns = {name: [getattr(each, name) for each in measurements] for name in _KEY}
        rows = await self._connection.execute(_DIGESTS, columns)
        return {(row.partner, row.source, row.measurement_id): row.digest for row in rows}

    async def _add_values(self, measurements: Sequence[Measurement]) -> None:
        rows = [
            (
                *(each.partner, metric, floor_minute(each.time), each.service, each.resource),
                *(each.customer, each.time, each.source, each.measurement_id, value),
            )
            for each in measurements
            for metric, value in each.values.items()
        ]
        if not rows:
            return
        usable = [is_usable(metric, value) for _, metric, *_, value in rows]
        values = ((*row, good) for row, good in zip(rows, usable, strict=True))
        await copy_rows(self._connection, MEASUREMENT_VALUE, _VALUE_COLUMNS, values)
        columns = dict(zip(_MARK_COLUMNS, map(list, zip(*(row[:5] for row in rows), strict=True)), strict=True))
        await self._connection.execute(_MARK, columns)

    async def series(
        self, partner: str, service: str, resource: str, metric: str, within: tuple[datetime | None, datetime | None]
    ) -> Series:
        """One series, in order of time; raises InvalidValue when it is too long to be looked at."""
        parameters = {
            "partner": partner,
            "service": service,
            "resource": resource,
            "metric": metric,
            "start": within[0],
            "end": within[1],
            "most": MOST_POINTS + 1,
        }
        rows = (await self._connection.execute(_SERIES, parameters)).all()
        if len(rows) > MOST_POINTS:
            raise InvalidValue("interval", "more measurements", f"at most {MOST_POINTS:,} measurements in it")
        times, values, usable = zip(*rows, strict=True) if rows else ((), (), ())
        return Series(np.array(times, np.int64), np.array(values, np.float64), np.array(usable, np.bool_))


def is_usable(name: str, value: float) -> bool:
    """Whether a value counts."""
    metric = metric_named(name)
    return metric is not None and is_plausible(metric, value)


def _id(measurement: Measurement) -> _Id:
    return measurement.partner, measurement.source, measurement.measurement_id


_VALUE_COLUMNS: Final = (
    "partner",
    "metric",
    "minute",
    "service",
    "resource",
    "customer",
    "measure_time",
    "source",
    "measurement_id",
    "value",
    "usable",
)
_MARK_COLUMNS: Final = ("partners", "metrics", "minutes", "services", "resources")
_DIGESTS: Final = text(
    """
    SELECT kept.partner, kept.source, kept.measurement_id, kept.digest
    FROM unnest(CAST(:partner AS text[]), CAST(:source AS text[]), CAST(:measurement_id AS text[]))
        AS sent (partner, source, measurement_id)
    JOIN sla.measurement AS kept USING (partner, source, measurement_id)
    """
)
_MARK: Final = text(
    """
    INSERT INTO sla.objective_mark (objective, minute)
    SELECT DISTINCT input.objective, measured.minute
    FROM unnest(
        CAST(:partners AS text[]), CAST(:metrics AS text[]), CAST(:minutes AS timestamptz[]), CAST(:services AS text[]),
        CAST(:resources AS text[])
    ) AS measured (partner, metric, minute, service, resource)
    JOIN sla.objective_input AS input
        ON input.partner = measured.partner AND input.metric = measured.metric AND input.service = measured.service
        AND input.resource IN ('', measured.resource)
    """
)
_SERIES: Final = text(
    """
    SELECT extract(epoch FROM measure_time)::bigint, value, usable
    FROM sla.measurement_value
    WHERE partner = :partner AND metric = :metric AND resource = :resource AND service = :service
        AND minute >= coalesce(date_trunc('minute', CAST(:start AS timestamptz), 'UTC'), '-infinity')
        AND measure_time >= coalesce(CAST(:start AS timestamptz), '-infinity')
        AND measure_time < coalesce(CAST(:end AS timestamptz), 'infinity')
    ORDER BY measure_time LIMIT :most
    """
)
