"""What does pinpointing need to have kept?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from value_network_sla.domain.path_rules import PathRule, PathRules
from value_network_sla.domain.pinpointing.usual import HourOfCalls
from value_network_sla.handlers.kept import KeptSession


class PathRuleRecords(Protocol):
    """Which rule was chosen for the critical paths of which service."""

    async def all(self) -> PathRules:
        """Every choice."""

    async def put(self, service: str, rule: PathRule, now: datetime) -> None:
        """Choose; holds for sessions closed from now on."""


class UsualCallRecords(Protocol):
    """What calls were like, hour by hour, and the sessions that tell it."""

    async def put(self, service: str, hour: datetime, rows: Sequence[HourOfCalls]) -> None:
        """Keep what an hour was like, in place of what was known of it."""

    async def of(self, service: str, since: datetime) -> Sequence[HourOfCalls]:
        """Every hour since then, oldest first."""

    async def services(self, since: datetime) -> Mapping[str, datetime]:
        """Those that have had sessions since then, and when the first of these began."""

    async def hours(self, service: str, since: datetime) -> Collection[datetime]:
        """The hours since then of which something is kept."""

    async def sample(self, service: str, start: datetime, end: datetime, most: int) -> Sequence[KeptSession]:
        """At most so many whole sessions that began within [start, end), spread over it, by start."""

    async def lock_learning(self) -> bool:
        """Whether this unit of work, and no other, may learn now."""

    async def purge(self, before: datetime) -> None:
        """Forget hours before then."""
