"""How do thousands of trace ids get into a statement?"""

from collections.abc import Iterable
from typing import Final

from value_network_sla.domain.shard import SHARDS

WANTED: Final = f"""
    (
        SELECT CAST(get_byte(trace_id, 15) % {SHARDS} AS smallint) AS shard, trace_id
        FROM (
            SELECT substring(CAST(:ids AS bytea) FROM 16 * place + 1 FOR 16) AS trace_id
            FROM generate_series(0, length(CAST(:ids AS bytea)) / 16 - 1) AS place
        ) AS given
    )
"""  # noqa: S608 - a constant
"""A table of shards (see domain/shard.py) and trace ids, in the order in which they were given."""


def ids_of(trace_ids: Iterable[bytes]) -> bytes:
    """The parameter `ids`: one value, for which the driver takes no longer than for a single id."""
    return b"".join(trace_ids)
