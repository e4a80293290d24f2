"""How long is kept what customers experienced and said?"""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from mesh.store import Store

_BATCH: Final = 5_000
_MAX_BATCHES: Final = 200
"""Bounds one run; what is left falls to the next."""
_TIMES: Final = {"experience": "start_time", "survey_answer": "answer_time", "contact": "start_time"}


async def purge_reports(store: Store, before: datetime) -> int:
    """Delete what is from before then, in short transactions; how many rows. Satisfactions are kept for good."""
    total = 0
    for table, column in _TIMES.items():
        statement = text(
            f"""
            DELETE FROM sla.{table} WHERE ctid IN (SELECT ctid FROM sla.{table} WHERE {column} < :before LIMIT :batch)
            """  # noqa: S608 - names of ours
        )
        for _ in range(_MAX_BATCHES):
            async with store.unit_of_work() as uow:
                done = await uow.connection.execute(statement, {"before": before, "batch": _BATCH})
            total += done.rowcount
            if done.rowcount < _BATCH:
                break
    return total
