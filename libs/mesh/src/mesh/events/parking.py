"""What could a group not handle, why, and what shall become of it?

An event that keeps failing is put aside, so that it does not hold up the others. Parked events stay until somebody
replays or drops them. Like all in Redis they can get lost with it; the outbox then relays them again, for as long as
it keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from mesh.events import scripts
from mesh.events.client import Entries, RedisClient
from mesh.events.streams import Fields, parked_key, replay_key
from mesh.store.outbox import Stream

_REASON, _ATTEMPTS, _TIME = "parked_reason", "parked_attempts", "parked_time"
_LONGEST_REASON = 2_000
_BATCH = 100


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """One event that a group could not handle."""

    entry: str
    """Its place among the parked: what `replay_parked` and `drop_parked` take."""
    id: UUID | None
    """The event's id; None if the entry is so malformed that it has none."""
    type: str
    key: str
    published_time: str
    reason: str
    """Class and message of the last error. May quote the event: not for logs."""
    attempts: int
    parked_time: datetime
    data: bytes
    """The serialized message."""


def about_parking(error: Exception, attempts: int, now: datetime) -> list[str | bytes]:
    """The fields that say why, as XADD takes them."""
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
    return [_REASON, reason, _ATTEMPTS, str(attempts), _TIME, now.isoformat()]


async def list_parked(
    redis: RedisClient, stream: Stream, group: str, *, after: str | None = None, limit: int = _BATCH
) -> list[ParkedEvent]:
    """The parked events of one stream and group, oldest first, after the entry `after`."""
    first = f"({after}" if after else "-"
    found = cast("Entries", await redis.xrange(parked_key(stream, group), min=first, max="+", count=limit))
    return [_read(entry_id.decode(), fields) for entry_id, fields in found if entry_id]


async def replay_parked(redis: RedisClient, stream: Stream, group: str, entries: Sequence[str]) -> int:
    """Let the group, and no other, try these again; how many were there."""
    left_out = [_REASON, _ATTEMPTS, _TIME]
    keys = (parked_key(stream, group), replay_key(stream, group))
    moved: int = await redis.eval(scripts.REPLAY, 2, *keys, len(left_out), *left_out, *entries)
    return moved


async def drop_parked(redis: RedisClient, stream: Stream, group: str, entries: Sequence[str]) -> int:
    """Forget these; how many were there."""
    return int(await redis.xdel(parked_key(stream, group), *entries)) if entries else 0


def _read(entry: str, fields: Fields) -> ParkedEvent:
    text = {name.decode(): value.decode(errors="replace") for name, value in fields.items() if name != b"data"}
    try:
        event_id = UUID(text.get("id", ""))
    except ValueError:
        event_id = None
    return ParkedEvent(
        entry=entry,
        id=event_id,
        type=text.get("type", ""),
        key=text.get("subject", ""),
        published_time=text.get("time", ""),
        reason=text[_REASON],
        attempts=int(text[_ATTEMPTS]),
        parked_time=datetime.fromisoformat(text[_TIME]),
        data=fields.get(b"data", b""),
    )
