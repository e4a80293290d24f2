"""What does one consumer ask Redis, for one stream and one group?"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import ResponseError
from redis.typing import KeyT, StreamIdT

from mesh.events import scripts
from mesh.events.client import Entries, RedisClient
from mesh.events.streams import Fields, events_key, parked_key, replay_key
from mesh.store.outbox import Stream

_MOST_PENDING = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as read: from the stream that all groups share or from what this group shall try again."""

    source: str
    """Key of the stream that it was read from, and is acknowledged in."""
    id: str
    fields: Fields
    attempt: int


class GroupReader:
    """Reads one stream as one consumer of one group. Every method may raise RedisError."""

    def __init__(self, redis: RedisClient, stream: Stream, group: str, consumer: str) -> None:
        """Nothing is asked yet; call `create_groups` first."""
        self._redis = redis
        self._group = group
        self._consumer = consumer
        self._parked = parked_key(stream, group)
        self._replay = replay_key(stream, group)
        self._sources = (events_key(stream), self._replay)

    async def create_groups(self) -> None:
        """Make the group where it does not exist, reading from the oldest entry that is left."""
        for source in self._sources:
            try:
                await self._redis.xgroup_create(source, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self, count: int, block_seconds: float) -> list[Entry]:
        """Entries that nobody of the group got yet; waits up to `block_seconds` for the first."""
        new: dict[KeyT, StreamIdT] = dict.fromkeys(self._sources, ">")
        answer = cast(
            "list[tuple[bytes, Entries]]",
            await self._redis.xreadgroup(self._group, self._consumer, new, count=count, block=_ms(block_seconds)),
        )
        return [
            Entry(source.decode(), entry_id.decode(), fields, attempt=1)
            for source, entries in answer
            for entry_id, fields in entries
            if entry_id
        ]

    async def held(self) -> list[Entry]:
        """What was delivered to this consumer and not acknowledged; without fields, `begin_attempt` brings them."""
        return [
            Entry(source, entry_id, {}, attempt)
            for source in self._sources
            for entry_id, attempt in (await self._attempts(source)).items()
        ]

    async def claim_abandoned(self, idle_seconds: float, count: int) -> list[Entry]:
        """Take over, without counting an attempt yet, what consumers of this group left lying for that long.

        The entries come without fields; `begin_attempt` brings them.
        """
        claimed: list[Entry] = []
        for source in self._sources:
            ids = await self._redis.xautoclaim(
                source, self._group, self._consumer, _ms(idle_seconds), count=count, justid=True
            )
            if ids:
                attempts = await self._attempts(source)
                claimed += [Entry(source, i.decode(), {}, attempts[i.decode()]) for i in ids if i.decode() in attempts]
        return claimed

    async def begin_attempt(self, entries: Iterable[Entry]) -> list[Entry]:
        """Count one more attempt in Redis, so that it counts even if this process dies; the entries as they are now.

        An entry that is not returned is gone: handled by somebody else, or removed from the stream by hand.
        """
        begun: list[Entry] = []
        for source, of_source in _by_source(entries):
            attempts = {entry.id: entry.attempt for entry in of_source}
            answer = await self._redis.xclaim(source, self._group, self._consumer, 0, list(attempts))
            found = {entry_id.decode(): fields for entry_id, fields in cast("Entries", answer) if entry_id}
            begun += [Entry(source, entry_id, fields, attempts[entry_id] + 1) for entry_id, fields in found.items()]
            if gone := attempts.keys() - found.keys():
                # What was removed by hand is still noted as held by this group, and would be claimed for ever.
                await self._redis.xack(source, self._group, *gone)
        return begun

    async def acknowledge(self, entries: Iterable[Entry]) -> None:
        """These need not come again."""
        for source, of_source in _by_source(entries):
            ids = [entry.id for entry in of_source]
            await self._redis.xack(source, self._group, *ids)
            if source == self._replay:
                await self._redis.xdel(source, *ids)

    async def park(self, entry: Entry, about: Sequence[str | bytes]) -> None:
        """Put the entry aside, with fields that say why, and acknowledge it, in one step."""
        fields = [part for pair in entry.fields.items() for part in pair]
        arguments = [self._group, entry.id, *fields, *about]
        await self._redis.eval(scripts.PARK, 2, entry.source, self._parked, *arguments)

    async def release(self) -> None:
        """Leave: let others have at once what this consumer still holds, or be forgotten if it holds nothing."""
        for source in self._sources:
            if held := await self._attempts(source):
                an_hour = 3_600_000
                await self._redis.xclaim(source, self._group, self._consumer, 0, list(held), idle=an_hour, justid=True)
            await self._redis.eval(scripts.FORGET_CONSUMER, 1, source, self._group, self._consumer)

    async def forget_dead_consumers(self, idle_seconds: float) -> None:
        """Remove consumers of this group that hold nothing and have not asked for long."""
        for source in self._sources:
            with contextlib.suppress(ResponseError):  # no such stream or group: nobody to forget
                for consumer in await self._redis.xinfo_consumers(source, self._group):
                    if consumer["idle"] > _ms(idle_seconds) and consumer["pending"] == 0:
                        name = consumer["name"]
                        await self._redis.eval(scripts.FORGET_CONSUMER, 1, source, self._group, name)

    async def _attempts(self, source: str) -> dict[str, int]:
        """How often each entry that this consumer holds was delivered."""
        pending = await self._redis.xpending_range(
            source, self._group, "-", "+", _MOST_PENDING, consumername=self._consumer
        )
        return {
            found["message_id"].decode(): found["times_delivered"] for found in cast("list[dict[str, Any]]", pending)
        }


def _by_source(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    sources: dict[str, list[Entry]] = {}
    for entry in entries:
        sources.setdefault(entry.source, []).append(entry)
    return list(sources.items())


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
