"""What is an event called? Ids that grow with time, so that an index on them grows at its end."""

import secrets
from datetime import datetime
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 2 << 62


def new_event_id(now: datetime) -> UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    noise = secrets.randbits(74)
    return UUID(int=_milliseconds(now) << 80 | _VERSION | (noise >> 62) << 64 | _VARIANT | noise & (1 << 62) - 1)


def first_event_id(moment: datetime) -> UUID:
    """No event of `moment` or later has a smaller id."""
    return UUID(int=_milliseconds(moment) << 80)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
