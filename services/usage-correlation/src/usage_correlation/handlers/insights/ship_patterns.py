"""How do the shipped patterns get to where staff keep theirs, and who wins when both have changed one?

Each is installed once. From then on it is the staff's: what they have changed, paused or removed stays so. A later
version of the service brings a newer document only to those that staff have left as they were.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from mesh.store import UnitOfWork
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.handlers.patterns.ports import KeptPattern, PatternWriter
from usage_correlation.handlers.ports import Clock


@dataclass(frozen=True, slots=True)
class ShippedPattern:
    """A pattern that comes with the service."""

    id: str
    document: str
    paused: bool

    @property
    def digest(self) -> str:
        """Of the document."""
        return digest_of(self.document)


class ShippedLog(Protocol):
    """Which shipped patterns were installed here, and as what."""

    async def installed(self, uow: UnitOfWork) -> Mapping[str, str]:
        """The digest of each document by pattern; nobody else installs until the transaction ends."""

    async def note(self, uow: UnitOfWork, pattern_id: str, digest: str) -> None:
        """It is installed now, as that."""


def digest_of(document: str) -> str:
    """The same for the same document."""
    return hashlib.sha256(document.encode()).hexdigest()


class ShipPatterns:
    """A job: installs what isn't installed, and renews what nobody has touched."""

    def __init__(
        self,
        begin: Callable[[], AbstractAsyncContextManager[UnitOfWork]],
        log: ShippedLog,
        writer: Callable[[UnitOfWork], PatternWriter],
        read: Callable[[str], Pattern],
        shipped: tuple[ShippedPattern, ...],
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._log = log
        self._writer = writer
        self._read = read
        self._shipped = shipped
        self._clock = clock

    async def __call__(self) -> None:
        """In one transaction; replicas wait for one another."""
        async with self._begin() as uow:
            installed = await self._log.installed(uow)
            writer = self._writer(uow)
            for pattern in self._shipped:
                before = installed.get(pattern.id)
                if before == pattern.digest:
                    continue
                if before is None:
                    await self._install(writer, pattern)
                else:
                    await self._renew(writer, pattern, before)
                await self._log.note(uow, pattern.id, pattern.digest)

    async def _install(self, writer: PatternWriter, pattern: ShippedPattern) -> None:
        """Leaves a pattern of the staff's own that has the id as it is."""
        now = self._clock.now()
        made = KeptPattern(pattern.id, pattern.document, pattern.paused, 1, now, now)
        await writer.add(made, self._read(pattern.document).state_digest)

    async def _renew(self, writer: PatternWriter, pattern: ShippedPattern, before: str) -> None:
        kept = await writer.lock(pattern.id)
        if kept is None or digest_of(kept.document) != before:
            return
        renewed = replace(kept, document=pattern.document, revision=kept.revision + 1, update_time=self._clock.now())
        await writer.save(renewed, self._read(pattern.document).state_digest, resumed=False)
