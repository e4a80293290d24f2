"""What does a visited network charge for the usage of our roamers?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class WholesaleCharge:
    """What is charged for one item of a call event."""

    source: str
    record_id: str
    """Of the usage record; what several have in common (`x` of `x:1`, `x:2`) where the event became several."""
    sequence: int
    partner: str
    """TADIG code of the network that charges."""
    subscription: str
    """`subscriptions/{subscription}`."""
    time: datetime
    item: str
    amount: Fraction
    """Below zero for a refund."""
    currency: str


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """An event, as charges and usage name it."""

    source: str
    record_id: str

    @classmethod
    def of_record(cls, name: str) -> "EventKey":
        """Of a usage record `{source}/{record_id}`: what follows a last colon and is a number says which of several."""
        source, _, record_id = name.partition("/")
        event, colon, number = record_id.rpartition(":")
        return cls(source, event if colon and number.isdecimal() else record_id)


@dataclass(frozen=True, slots=True)
class Event:
    """All that is charged for one call event."""

    key: EventKey
    subscription: str
    time: datetime
    amount: Fraction
    currencies: frozenset[str]


def events_of(charges: Iterable[WholesaleCharge]) -> dict[EventKey, Event]:
    """The events, with their charges added up."""
    found: dict[EventKey, Event] = {}
    for one in charges:
        key = EventKey(one.source, one.record_id)
        known = found.get(key)
        if known is None:
            found[key] = Event(key, one.subscription, one.time, one.amount, frozenset({one.currency}))
        else:
            found[key] = Event(
                key,
                known.subscription,
                min(known.time, one.time),
                known.amount + one.amount,
                known.currencies | {one.currency},
            )
    return found
