"""What do the use cases need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from notification.domain.contacts import Contact
from notification.domain.messages import Message, MessageState, Outcome
from notification.domain.routes import Leg
from notification.domain.templates import Template

MessageKey = tuple[str, str]
"""Ids of customer and message."""
Place = tuple[datetime, str, str]
"""Of a message in a list by time: create time, ids of customer and message."""


class Origin(Protocol):
    """The trace in which a message was written; carried along, never looked into."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process, and no other, deals with for now."""

    message: Message
    claim: int
    """Counts claims of the message; a later one ends this one."""
    origin: Origin


class Templates(Protocol):
    """Templates as they are kept."""

    async def add(self, templates: Sequence[Template]) -> Collection[str]:
        """Keep those whose id is free; their ids. Those that are there are left alone."""

    async def get(self, ids: Collection[str]) -> Mapping[str, Template]:
        """Those that exist, by id."""

    async def lock(self, template_id: str) -> Template | None:
        """It, and nobody else changes it until this unit of work ends."""

    async def save(self, template: Template) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, after: str, size: int) -> Sequence[Template]:
        """The first `size` whose id comes after `after`, by id."""


class Messages(Protocol):
    """Messages as they are kept."""

    async def add(self, messages: Sequence[Message]) -> Collection[MessageKey]:
        """Keep those that are new; their keys. Those known are left alone: nobody is told twice."""

    async def get(self, key: MessageKey) -> Message | None:
        """One."""

    async def lock(self, keys: Collection[MessageKey]) -> Mapping[MessageKey, Message]:
        """Those that exist; nobody else changes them until this unit of work ends."""

    async def save(self, messages: Sequence[Message]) -> None:
        """Write changed ones; they must be locked."""

    async def page(
        self, customer_id: str | None, state: MessageState | None, before: Place | None, size: int
    ) -> Sequence[Message]:
        """The newest `size` that come before `before`, newest first; of everybody when `customer_id` is None."""

    async def claim(self, now: datetime, until: datetime, size: int) -> Sequence[Claimed]:
        """Up to `size` that are due, urgent ones first; nobody else gets them before `until`."""

    async def still_claimed(self, claimed: Collection[Claimed]) -> Mapping[MessageKey, Message]:
        """Those that nobody else has claimed since, as they are now; locked as by `lock`."""


class Contacts(Protocol):
    """What profile tells about customers."""

    async def get(self, ids: Collection[str]) -> Mapping[str, Contact]:
        """All of them; raises CustomerNotFound for the first that is unknown."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def message_state_changed(self, message: Message, now: datetime, origin: Origin | None = None) -> None:
        """It came further; told in the trace of `origin`, by default in the current one."""


@dataclass(frozen=True, slots=True)
class Records:
    """All that is kept, as one transaction sees it."""

    templates: Templates
    messages: Messages


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    records: Records
    announce: Announcements
    now: datetime


class Outgoing(Protocol):
    """The messages that are to be sent, each call in a unit of work of its own."""

    async def claim(self, lease: timedelta, size: int) -> Sequence[Claimed]:
        """As Messages.claim."""

    async def conclude(self, concluded: Sequence[tuple[Claimed, Message]]) -> None:
        """Keep what became of claimed messages, and tell the others."""


class Courier(Protocol):
    """Hands messages to one outside channel."""

    async def deliver(self, claimed: Claimed, leg: Leg) -> Outcome:
        """Hand it over; says what came of it and raises nothing."""

    async def rest(self) -> None:
        """Close what was kept open for more; nothing is being delivered now."""


class Delays(Protocol):
    """Measures how long messages took."""

    def delivered(self, message: Message) -> None:
        """It just reached its first channel."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current moment, aware and in UTC."""
