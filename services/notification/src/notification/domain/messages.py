"""How far is a message, and what becomes of it next?"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from notification.domain.contacts import Channel, Contact
from notification.domain.quiet_hours import quiet_until
from notification.domain.routes import INBOX, Leg, Purpose, route

LIFETIME = timedelta(days=7)
"""How long a message is tried when nobody said until when it has value."""

FRESH = timedelta(minutes=1)
"""How long what profile said about a customer is taken to hold."""


class MessageState(StrEnum):
    """How far a message came."""

    QUEUED = "queued"
    """Written and waiting to be sent."""
    DELIVERED = "delivered"
    """Handed to an outside channel, or shown in the inbox when there is none."""
    READ = "read"
    FAILED = "failed"
    """Every channel failed."""
    SUPPRESSED = "suppressed"
    """Not sent: no consent, or it expired while waiting."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a message by a channel."""

    channel: Channel
    succeeded: bool
    time: datetime
    error: str
    """Why not; without personal data."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of handing a message to a channel."""

    time: datetime
    error: str = ""
    """Empty: it was taken."""
    permanent: bool = False
    """Trying the same again would fail the same."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a channel is tried again."""

    first_wait: timedelta
    longest_wait: timedelta
    most_tries: int

    def wait(self, tries: int) -> timedelta:
        """How long to wait after so many failures: twice as long each time."""
        doublings = min(tries - 1, 30)  # beyond, any first wait exceeds any longest one, and a timedelta its range
        return min(self.first_wait * (1 << doublings), self.longest_wait)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one customer."""

    customer_id: str
    message_id: str
    decision: str
    """`decisions/{decision}` behind it; empty for one that staff sent."""
    trigger: str
    """What set off the decision, such as `signals/{signal}`; empty for one that staff sent."""
    template: str
    """`templates/{template}`."""
    purpose: Purpose
    language_code: str
    subject: str
    """Personal data, as is the body: it addresses the customer by name."""
    body: str
    action_path: str
    state: MessageState
    legs: tuple[Leg, ...]
    """The ways to the customer that are known; personal data."""
    routed_time: datetime
    """When profile told them."""
    attempts: tuple[Attempt, ...]
    create_time: datetime
    next_attempt_time: datetime | None
    """Set while it waits for quiet hours to end or for another attempt."""
    expire_time: datetime
    read_time: datetime | None
    event_time: datetime | None
    """When what it tells of happened."""
    decision_time: datetime | None
    """When it was decided to send it."""

    @property
    def name(self) -> str:
        """The resource name."""
        return f"customers/{self.customer_id}/messages/{self.message_id}"

    @property
    def due_time(self) -> datetime | None:
        """When something is to be done about it: sending, or giving up. None when it is at its end."""
        if self.state is not MessageState.QUEUED:
            return None
        return min(self.next_attempt_time or self.create_time, self.expire_time)

    @property
    def leg(self) -> Leg | None:
        """The way that is tried next."""
        return next((leg for leg in self.legs if not leg.failed), None)

    @property
    def carried_by(self) -> Channel | None:
        """The channel that took it."""
        return next((attempt.channel for attempt in reversed(self.attempts) if attempt.succeeded), None)


def last_error(message: Message) -> str:
    """Why the last attempt failed; empty when it did not."""
    return message.attempts[-1].error if message.attempts else ""


def dispatched(message: Message, contact: Contact, now: datetime) -> Message:
    """What becomes of a queued message by what profile says now: where it goes, whether it waits or is not sent."""
    failed = {(leg.channel, leg.address): leg for leg in message.legs}
    legs = tuple(failed.get((leg.channel, leg.address), leg) for leg in route(contact, message.purpose))
    message = replace(message, legs=legs, routed_time=now)
    if not legs or message.expire_time <= now:
        return given_up(message)
    if message.leg is None or message.leg.channel is Channel.INBOX:
        return _without_outside_channel(message, now)
    if message.purpose is Purpose.URGENT_SERVICE:
        return message
    waits_until = quiet_until(contact.quiet_hours, contact.time_zone, now)
    return replace(message, next_attempt_time=waits_until) if waits_until else message


def needs_routing(message: Message, now: datetime) -> bool:
    """Whether what profile said about the customer may have changed: it waited, on purpose or in a crowd."""
    return message.next_attempt_time is not None or now - message.routed_time > FRESH


def concluded(message: Message, leg: Leg, outcome: Outcome, policy: RetryPolicy) -> Message:
    """What becomes of a queued message that was handed to the channel of `leg`."""
    attempt = Attempt(leg.channel, not outcome.error, outcome.time, outcome.error)
    message = replace(message, attempts=(*message.attempts, attempt))
    if attempt.succeeded:
        return replace(message, state=MessageState.DELIVERED, next_attempt_time=None)
    tries = leg.tries + 1
    again = outcome.time + policy.wait(tries)
    is_over = outcome.permanent or tries >= policy.most_tries or again >= message.expire_time
    tried = replace(leg, tries=tries, failed=is_over)
    message = replace(message, legs=tuple(tried if each == leg else each for each in message.legs))
    if not is_over:
        return replace(message, next_attempt_time=again)
    if message.leg is None or message.leg.channel is Channel.INBOX:
        return _without_outside_channel(message, outcome.time)
    return replace(message, next_attempt_time=outcome.time)


def reconciled(ours: Message, kept: Message) -> Message:
    """Our conclusion, with what happened to the message while it was sent: the customer read it in the inbox."""
    if kept.state is not MessageState.READ:
        return ours
    return replace(ours, state=kept.state, read_time=kept.read_time, next_attempt_time=None)


def given_up(message: Message) -> Message:
    """The message when it is not sent any more: suppressed, or failed if that was tried."""
    state = MessageState.FAILED if message.attempts else MessageState.SUPPRESSED
    return replace(message, state=state, next_attempt_time=None)


def read(message: Message, now: datetime) -> Message:
    """The message once the customer read it, for the first time; it is not sent any more."""
    if message.state is MessageState.READ:
        return message
    return replace(message, state=MessageState.READ, read_time=now, next_attempt_time=None)


def _without_outside_channel(message: Message, now: datetime) -> Message:
    if message.leg is None:
        return given_up(message)
    shown = Attempt(INBOX.channel, succeeded=True, time=now, error="")
    return replace(message, state=MessageState.DELIVERED, attempts=(*message.attempts, shown), next_attempt_time=None)
