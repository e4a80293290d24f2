"""What was learned a while ago and is still so?"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Final, Generic, TypeVar

from usage_correlation.handlers.ports import Clock

V = TypeVar("V")
_REMEMBERED_LOSSES: Final = 100_000


class Cache(Generic[V]):
    """Values by id, for a limited time and in limited number, that never outlive being forgotten.

    A value that was asked for before its id was forgotten, and comes in afterwards, may be the old one: it isn't kept.
    """

    def __init__(self, size: int, lifetime: timedelta, clock: Clock) -> None:
        """Keep at most `size` values; when there are more, those that came first go first."""
        self._size = size
        self._lifetime = lifetime
        self._clock = clock
        self._entries: dict[str, tuple[V, float]] = {}
        self._forgotten: dict[str, int] = {}
        self._oldest = 0
        self.generation = 0
        """Give it back with what was asked for since."""

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, ids: Iterable[str]) -> tuple[dict[str, V], list[str]]:
        """The values that are known, and the other ids."""
        now = self._clock.now().timestamp()
        found: dict[str, V] = {}
        missing = []
        entries = self._entries
        for each in ids:
            entry = entries.get(each)
            if entry is not None and now < entry[1]:
                found[each] = entry[0]
            else:
                missing.append(each)
        return found, missing

    def keep(self, values: Mapping[str, V], generation: int) -> None:
        """Keep what was asked for at `generation`."""
        if generation < self._oldest:
            return
        expires = (self._clock.now() + self._lifetime).timestamp()
        for each, value in values.items():
            if self._forgotten.get(each, 0) <= generation:
                self._entries.pop(each, None)  # so that it moves to the end
                self._entries[each] = (value, expires)
        if (surplus := len(self._entries) - self._size) > 0:
            for each in list(islice(self._entries, surplus)):
                del self._entries[each]

    def forget(self, ids: Collection[str]) -> None:
        """These have changed."""
        self.generation += 1
        if len(self._forgotten) + len(ids) > _REMEMBERED_LOSSES:
            self._forgotten.clear()
            self._oldest = self.generation
        for each in ids:
            self._forgotten[each] = self.generation
            self._entries.pop(each, None)

    def clear(self) -> None:
        """Anything may have changed."""
        self.generation += 1
        self._oldest = self.generation
        self._forgotten.clear()
        self._entries.clear()
