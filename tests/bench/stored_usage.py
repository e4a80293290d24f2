"""How does usage get into PostgreSQL by the million, without a service that takes it in?"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from rating import SERVICES, UsageColumns

_SHARDS: Final = 64
_SOURCE: Final = "bench"


def store_usage(
    database: psycopg.Connection, names: Sequence[str], columns: UsageColumns, owner: NDArray[np.int64]
) -> None:
    """Store records, each of the subscription `names[owner]`, by their begin, as switches send them."""
    keys = _keys(database, names)
    shards = [zlib.crc32(name.encode()) % _SHARDS for name in names]
    types = [SERVICES[code] for code in columns.service.tolist()]
    begun, sent, owners = columns.start.tolist(), columns.quantity.tolist(), owner.tolist()
    called = columns.destination.tolist()
    with database.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in np.argsort(columns.start, kind="stable").tolist():
            moment, who = datetime.fromtimestamp(begun[row], UTC), owners[row]
            record_id = f"{names[who]}.{row}"
            copy.write_row(
                (moment, moment, sent[row], keys[who], 1, shards[who], types[row], record_id, called[row], "", "")
            )
    database.execute("VACUUM ANALYZE usage.usage_record")


def _keys(database: psycopg.Connection, names: Sequence[str]) -> list[int]:
    database.execute(
        "INSERT INTO usage.source (source_key, source) OVERRIDING SYSTEM VALUE VALUES (1, %s) ON CONFLICT DO NOTHING",
        [_SOURCE],
    )
    database.execute(
        "INSERT INTO usage.subscription (subscription_id) SELECT name FROM unnest(%s::text[]) AS name", [list(names)]
    )
    rows = database.execute(
        "SELECT subscription_id, subscription_key FROM usage.subscription WHERE subscription_id = ANY(%s)",
        [list(names)],
    )
    known: dict[str, int] = dict(rows.fetchall())
    return [known[name] for name in names]


_COPY: Final = """
    COPY usage.usage_record (
        start_time, arrive_time, quantity, subscription_key, source_key, shard, usage_type, record_id, destination,
        visited_network, location_id
    ) FROM STDIN
"""
