"""When did customers have to do with care?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.handlers.insights.ports import CareContact

KEPT: Final = timedelta(days=400)
"""Longer than anybody looks back."""


class CareContactStore:
    """Keeps and counts them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def counts(self, customers: Sequence[str], intervals: Sequence[tuple[datetime, datetime]]) -> Sequence[int]:
        """Contacts of each customer in their interval, [start, end)."""
        where = {
            "customers": list(customers),
            "starts": [start for start, _ in intervals],
            "ends": [end for _, end in intervals],
        }
        async with self._store.reading() as connection:
            return [row.contacts for row in await connection.execute(_COUNTS, where)]

    async def forget_old(self) -> None:
        """Forget what nobody looks back to any more; a job calls this, in any number of replicas."""
        async with self._store.unit_of_work() as uow:
            await uow.connection.execute(_FORGET, {"before": self._clock.now() - KEPT})


async def note_contacts(connection: AsyncConnection, contacts: Sequence[CareContact]) -> None:
    """Keep them; those that are kept already stay."""
    if contacts:
        columns = {
            "customers": [each.customer for each in contacts],
            "times": [each.time for each in contacts],
            "ids": [each.touch_point for each in contacts],
        }
        await connection.execute(_NOTE, columns)


_NOTE: Final = text("""
    INSERT INTO usage.care_contact (customer_id, contact_time, touch_point_id)
    SELECT * FROM unnest(CAST(:customers AS text[]), CAST(:times AS timestamptz[]), CAST(:ids AS text[]))
    ON CONFLICT DO NOTHING
""")
_COUNTS: Final = text("""
    SELECT count(contact.contact_time) AS contacts
    FROM unnest(CAST(:customers AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
        WITH ORDINALITY AS wanted (customer_id, start_time, end_time, number)
    LEFT JOIN usage.care_contact AS contact ON contact.customer_id = wanted.customer_id
        AND contact.contact_time >= wanted.start_time AND contact.contact_time < wanted.end_time
    GROUP BY wanted.number
    ORDER BY wanted.number
""")
_FORGET: Final = text("DELETE FROM usage.care_contact WHERE contact_time < :before")
