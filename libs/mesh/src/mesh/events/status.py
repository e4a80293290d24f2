"""How far behind is each group of a stream?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis.exceptions import ResponseError

from mesh.events.client import Entries, RedisClient
from mesh.events.streams import events_key, parked_key, replay_key
from mesh.store.outbox import Stream


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group of readers of one stream."""

    name: str
    waiting: int
    """Events in the stream that were not handed out yet."""
    pending: int
    """Events that were handed out and are not acknowledged yet."""
    oldest: datetime | None
    """When the oldest event that is waiting or pending was relayed; None if there is none."""
    parked: int
    consumers: int


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream and all its groups."""

    stream: Stream
    entries: int
    """Handled ones included, until they are trimmed."""
    groups: tuple[GroupStatus, ...]


async def stream_status(redis: RedisClient, stream: Stream) -> StreamStatus:
    """Ask Redis; a stream that does not exist has no entries and no groups."""
    key = events_key(stream)
    try:
        groups = await redis.xinfo_groups(key)
    except ResponseError:  # no such key
        return StreamStatus(stream, 0, ())
    last = cast("Entries", await redis.xrevrange(key, count=1))
    last_sequence = _sequence(last[0][1]) if last else 0
    found = [await _group(redis, stream, group, last_sequence) for group in groups]
    return StreamStatus(stream, int(await redis.xlen(key)), tuple(found))


async def drop_group(redis: RedisClient, stream: Stream, group: str) -> bool:
    """Forget a service that was retired, so that the stream no longer waits for it; whether it was there.

    What it had parked stays until it is dropped.
    """
    await redis.delete(replay_key(stream, group))
    return bool(await redis.xgroup_destroy(events_key(stream), group))


async def _group(redis: RedisClient, stream: Stream, group: dict[str, Any], last_sequence: int) -> GroupStatus:
    # Redis tells the lag itself from 7.0 on; the sequence in the entries tells it in every version.
    key, name = events_key(stream), group["name"].decode()
    delivered = group["last-delivered-id"].decode()
    following = cast("Entries", await redis.xrange(key, min=f"({delivered}", max="+", count=1))
    waiting = last_sequence - _sequence(following[0][1]) + 1 if following else 0
    oldest = [entry_id for entry_id, _ in following if entry_id]
    # Asked for here, not taken from `group`: by now what was under way then may be handled.
    under_way = await redis.xpending(key, name)
    if under_way["pending"]:
        oldest.append(under_way["min"])
    return GroupStatus(
        name=name,
        waiting=waiting,
        pending=under_way["pending"],
        oldest=min(map(_time_of, oldest)) if oldest else None,
        parked=int(await redis.xlen(parked_key(stream, name))),
        consumers=group["consumers"],
    )


def _sequence(fields: dict[bytes, bytes]) -> int:
    return int(fields.get(b"sequence", b"0"))


def _time_of(entry_id: bytes) -> datetime:
    # The first part of an entry's id is the time at which Redis took it in, in milliseconds.
    return datetime.fromtimestamp(int(entry_id.partition(b"-")[0]) / 1000, UTC)
