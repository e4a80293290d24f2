"""How are patterns made, changed and removed?"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.errors import AlreadyExists, PatternNotFound
from usage_correlation.handlers.patterns.ports import KeptPattern, PatternWriter
from usage_correlation.handlers.ports import Clock


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pattern shall be."""

    document: str
    paused: bool


async def create_pattern(
    writer: PatternWriter, clock: Clock, pattern_id: str, wanted: Wanted, read: Pattern
) -> KeptPattern:
    """Make a pattern; the one that is there if it says the same. Raises AlreadyExists."""
    now = clock.now()
    made = KeptPattern(pattern_id, wanted.document, wanted.paused, 1, now, now)
    if await writer.add(made, read.state_digest):
        return made
    known = await writer.lock(pattern_id)
    if known is None or (known.document, known.paused) != (wanted.document, wanted.paused):
        raise AlreadyExists(f"patterns/{pattern_id}")
    return known


async def update_pattern(
    writer: PatternWriter, clock: Clock, pattern_id: str, change: Callable[[KeptPattern], tuple[Wanted, Pattern]]
) -> KeptPattern:
    """Change a pattern; what changes nothing makes no revision. Raises PatternNotFound."""
    before = await writer.lock(pattern_id)
    if before is None:
        raise PatternNotFound(pattern_id)
    wanted, read = change(before)
    if (wanted.document, wanted.paused) == (before.document, before.paused):
        return before
    after = replace(
        before,
        document=wanted.document,
        paused=wanted.paused,
        revision=before.revision + 1,
        update_time=clock.now(),
    )
    await writer.save(after, read.state_digest, resumed=before.paused and not after.paused)
    return after


async def delete_pattern(writer: PatternWriter, pattern_id: str) -> None:
    """Remove a pattern. Raises PatternNotFound."""
    if await writer.lock(pattern_id) is None:
        raise PatternNotFound(pattern_id)
    await writer.remove(pattern_id)
