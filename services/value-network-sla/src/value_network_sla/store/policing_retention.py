"""How long are measurements, and the parts of sessions in objectives, kept?"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from mesh.store import Store

_BATCH: Final = 5_000
_MAX_BATCHES: Final = 200
"""Bounds one run; what is left falls to the next."""
_TIMES: Final = {"measurement": "measure_time", "measurement_value": "measure_time", "objective_minute": "minute"}


async def purge_policing(store: Store, now: datetime, *, measurements: timedelta, sessions: timedelta) -> int:
    """Delete what is past its time, in short transactions; how many rows.

    Hours, violations, alerts and their changes are kept for good. Minutes go with the measurements: what is from before
    can't be counted anew, and no window is as long.
    """
    total = 0
    for table, column in _TIMES.items():
        total += await _delete(store, table, f"{column} < :before", now - measurements)
    total += await _delete(store, "objective_part", "minute < :before", now - sessions)
    return total


async def _delete(store: Store, table: str, condition: str, before: datetime) -> int:
    statement = text(
        f"""
        DELETE FROM sla.{table} WHERE ctid IN (SELECT ctid FROM sla.{table} WHERE {condition} LIMIT :batch)
        """  # noqa: S608 - names of ours
    )
    total = 0
    for _ in range(_MAX_BATCHES):
        async with store.unit_of_work() as uow:
            done = await uow.connection.execute(statement, {"before": before, "batch": _BATCH})
        total += done.rowcount
        if done.rowcount < _BATCH:
            break
    return total
