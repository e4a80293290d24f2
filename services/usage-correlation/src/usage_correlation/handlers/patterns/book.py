"""Which patterns are looked for now, in every replica?"""

import asyncio
from collections.abc import Collection, Sequence

import rating
from mesh.observe import log
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.errors import InvalidPattern
from usage_correlation.handlers.patterns.ports import ActivePattern, KeptPattern, Patterns


class PatternBook:
    """Remembers patterns, read; the directory tells when one has changed."""

    def __init__(self, patterns: Patterns, reader: PatternReader) -> None:
        self._patterns = patterns
        self._reader = reader
        self._version = -1
        self._active: tuple[ActivePattern, ...] = ()
        self._kept: dict[int, int] = {}
        self._types: frozenset[str] = frozenset()
        self._read: dict[tuple[str, int], Pattern] = {}

    @property
    def active(self) -> Sequence[ActivePattern]:
        """Those that are not paused."""
        return self._active

    @property
    def kept(self) -> dict[int, int]:
        """By state, for how many microseconds behind the clock it is needed; also that of paused patterns."""
        return self._kept

    @property
    def types(self) -> Collection[str]:
        """The types of events that some active pattern looks at."""
        return self._types

    async def reload(self, version: int) -> None:
        """Read what has changed; `version` is that of the change log."""
        found = await self._patterns.all()
        if version < self._version:
            return  # overtaken by a later call
        self._version = version
        read = {key: pattern for key, pattern in map(self._pattern, [kept for kept, _ in found]) if pattern is not None}
        self._read = read
        found = [(kept, state) for kept, state in found if (kept.id, kept.revision) in read]
        self._active = tuple(
            ActivePattern(kept.id, kept.revision, state, read[kept.id, kept.revision])
            for kept, state in found
            if not kept.paused
        )
        patterns = [(state, read[kept.id, kept.revision]) for kept, state in found]
        self._kept = {state: pattern.horizon + pattern.lateness for state, pattern in patterns}
        self._types = frozenset(each.type.name for active in self._active for each in active.pattern.classes)

    def _pattern(self, kept: KeptPattern) -> tuple[tuple[str, int], Pattern | None]:
        """A pattern that this version of the service can't read any more holds up neither usage nor the others."""
        key = (kept.id, kept.revision)
        if key in self._read:
            return key, self._read[key]
        try:
            return key, self._reader.read(kept.document)
        except rating.DocumentError as error:
            problems = [str(problem) for problem in error.problems]
            log.error("pattern can't be read and is not looked for", pattern=kept.id, problems=problems)
            return key, None


async def read_pattern(reader: PatternReader, document: str) -> Pattern:
    """The pattern that a document declares; raises InvalidPattern with everything that is wrong with it."""
    try:
        # Compiling many expressions takes milliseconds: others are served meanwhile.
        return await asyncio.to_thread(reader.read, document)
    except rating.DocumentError as error:
        raise InvalidPattern(error.problems) from error
