"""Which types of events can patterns look at, and which fields has each?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a field holds, in CEL's words."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    STRINGS = "list(string)"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event."""

    kind: Kind
    personal: bool = False
    """It may decide, but stands in no group and no label."""
    place: bool = False
    """Where the subscriber is: empty without the customer's consent."""


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of events."""

    name: str
    fields: Mapping[str, Field]
    of_place: bool = False
    """It concerns places instead of a subscriber."""


LIST_SEPARATOR: Final = "\x1f"
"""Between the elements of a list, and of a group, that is kept as one text."""

_TEXT: Final = Field(Kind.STRING)
_SECRET: Final = Field(Kind.STRING, personal=True)
_PLACE: Final = Field(Kind.STRING, place=True)
_INT: Final = Field(Kind.INT)
_DOUBLE: Final = Field(Kind.DOUBLE)
_BOOL: Final = Field(Kind.BOOL)

USAGE: Final = "usage"
SERVICE_ALERT: Final = "service_alert"
LOCAL_EVENT: Final = "local_event"

EVENT_TYPES: Final[Mapping[str, EventType]] = {
    each.name: each
    for each in (
        EventType(
            USAGE,
            {
                "usage_type": _TEXT,
                "quantity": _INT,
                "destination": _SECRET,
                "visited_network": _TEXT,
                "roaming": _BOOL,
                "cell": _PLACE,
            },
        ),
        EventType(
            "voice_quality",
            {
                "codec": _TEXT,
                "delay_ms": _DOUBLE,
                "jitter_ms": _DOUBLE,
                "loss_percent": _DOUBLE,
                "burst_ratio": _DOUBLE,
                "mos": _DOUBLE,
                "r_factor": _DOUBLE,
                "seconds": _DOUBLE,
                "cell": _PLACE,
            },
        ),
        EventType(
            "stream_quality",
            {
                "service": _TEXT,
                "startup_ms": _DOUBLE,
                "rebuffering_count": _INT,
                "rebuffering_ms": _DOUBLE,
                "played_ms": _DOUBLE,
                "bitrate_kbps": _DOUBLE,
                "mos": _DOUBLE,
                "failed": _BOOL,
                "content_id": _SECRET,
                "cell": _PLACE,
            },
        ),
        EventType(
            "call_failure",
            {"kind": _TEXT, "service": _TEXT, "cause": _TEXT, "technology": _TEXT, "cell": _PLACE},
        ),
        EventType(
            "device_seen",
            {"tac": _TEXT, "imei": _SECRET, "model": _TEXT, "capabilities": Field(Kind.STRINGS), "cell": _PLACE},
        ),
        EventType("location", {"area": _PLACE, "network": _TEXT, "cell": _PLACE}),
        EventType(
            "touch_point",
            {
                "channel": _TEXT,
                "reason": _TEXT,
                "outcome": _TEXT,
                "valence": _TEXT,
                "resolved": _BOOL,
                "seconds": _DOUBLE,
            },
        ),
        EventType(SERVICE_ALERT, {"service": _TEXT, "severity": _TEXT}, of_place=True),
        EventType(LOCAL_EVENT, {"kind": _TEXT, "name": _TEXT, "attendance": _INT}, of_place=True),
    )
}

COMMON_FIELDS: Final[Mapping[str, Field]] = {"source": _TEXT, "local_hour": _INT, "local_weekday": _INT}
"""What every event has beside the fields of its type."""

SUBSCRIBER_FIELDS: Final[Mapping[str, Field]] = {
    "subscriber.plan": _TEXT,
    "subscriber.time_zone": _TEXT,
    "subscriber.bill_cycle_day": _INT,
    "subscriber.tenure_days": _INT,
    "subscriber.region": _TEXT,
    "subscriber.life_cycle": _TEXT,
}


def fields_of(event_type: EventType) -> dict[str, Field]:
    """All that a condition on an event may name."""
    if event_type.of_place:
        return {"source": _TEXT, **event_type.fields}
    return {**COMMON_FIELDS, **SUBSCRIBER_FIELDS, **event_type.fields}
