"""Which shipped patterns were installed here, and as what?"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text

from mesh.clock import Clock
from mesh.store import UnitOfWork


class PostgresShippedLog:
    """Remembers it, even when staff have removed a pattern."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def installed(self, uow: UnitOfWork) -> Mapping[str, str]:
        """The digest of each document by pattern; nobody else installs until the transaction ends."""
        await uow.connection.execute(_ALONE)
        return {row.pattern_id: row.document_digest for row in await uow.connection.execute(_INSTALLED)}

    async def note(self, uow: UnitOfWork, pattern_id: str, digest: str) -> None:
        """It is installed now, as that."""
        await uow.connection.execute(_NOTE, {"id": pattern_id, "digest": digest, "now": self._clock.now()})


_ALONE: Final = text("LOCK TABLE usage.shipped_pattern IN SHARE ROW EXCLUSIVE MODE")
_INSTALLED: Final = text("SELECT pattern_id, document_digest FROM usage.shipped_pattern")
_NOTE: Final = text("""
    INSERT INTO usage.shipped_pattern (pattern_id, document_digest, install_time)
    VALUES (:id, :digest, :now)
    ON CONFLICT (pattern_id) DO UPDATE SET document_digest = :digest, install_time = :now
""")
