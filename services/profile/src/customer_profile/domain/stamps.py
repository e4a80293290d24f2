"""When was a record made and changed, and which version of it is this?"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from customer_profile.errors import EtagMismatch


@dataclass(frozen=True, slots=True)
class Stamp:
    """Moves on with every write."""

    create_time: datetime
    update_time: datetime
    revision: int
    """Counts writes, from 1."""

    @classmethod
    def first(cls, now: datetime) -> Self:
        """Of a record made `now`."""
        return cls(now, now, 1)

    @property
    def etag(self) -> str:
        """What callers give back to be refused when somebody else wrote in between (AIP-154)."""
        return f"r{self.revision}"

    def next(self, now: datetime) -> "Stamp":
        """Of the record as it is written `now`; its time never goes back, so that readers can order by it."""
        return replace(self, update_time=max(now, self.update_time), revision=self.revision + 1)

    def expect(self, etag: str, name: str) -> None:
        """Raise EtagMismatch when the caller's etag is of another version; an empty one asks for no check."""
        if etag not in ("", self.etag):
            raise EtagMismatch(name)
