"""Which event streams does the instance have, how far behind are their readers, and what could they not handle?"""

import importlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import json_format, symbol_database
from google.protobuf.message import DecodeError
from redis.exceptions import RedisError

from cxmesh_cli.console import Json
from cxmesh_cli.errors import BadInputError, NotRunningError
from mesh.events import (
    ParkedEvent,
    RedisClient,
    Stream,
    StreamStatus,
    connect_redis,
    drop_parked,
    list_parked,
    replay_parked,
    stream_status,
)

_STREAM_KEY = re.compile(r"\{(?P<topic>[a-z0-9_]+):(?P<partition>\d+)\}:events")
_PARKED_KEY = re.compile(r"\{(?P<topic>[a-z0-9_]+):(?P<partition>\d+)\}:parked:(?P<group>.+)")
_EVENT_TYPE = re.compile(r"(cxmesh\.[a-z]+\.v\d+)\.\w+")
_PAGE = 100

Act: TypeAlias = Callable[[RedisClient, Stream, str, Sequence[str]], Coroutine[Any, Any, int]]
"""What is done with parked events: `replay_parked` or `drop_parked`."""
REPLAY: Act = replay_parked
DROP: Act = drop_parked


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked event and where it lies."""

    stream: Stream
    group: str
    event: ParkedEvent

    @property
    def name(self) -> str:
        """What to call it by: two groups may have parked under the same entry."""
        return f"{self.stream.topic}:{self.stream.partition}/{self.group}/{self.event.entry}"

    def as_json(self) -> Json:
        return {
            "name": self.name,
            "topic": self.stream.topic,
            "partition": self.stream.partition,
            "group": self.group,
            "event_id": str(self.event.id) if self.event.id else None,
            "type": self.event.type,
            "key": self.event.key,
            "published_time": self.event.published_time,
            "parked_time": self.event.parked_time.isoformat(),
            "attempts": self.event.attempts,
            "reason": self.event.reason,
            "message": decode_event(self.event.type, self.event.data),
        }


async def read_streams(redis_url: str) -> list[StreamStatus]:
    """Every stream with its groups, by topic and partition."""
    async with _connected(redis_url) as redis:
        matches = [_STREAM_KEY.fullmatch(key) for key in await _keys(redis, "{*:*}:events")]
        streams = sorted(_stream_in(match) for match in matches if match is not None)
        return [await stream_status(redis, stream) for stream in streams]


async def read_parked(redis_url: str, topic: str = "", group: str = "") -> list[Parked]:
    """Parked events, oldest first within a group; of one topic or group where it is given."""
    async with _connected(redis_url) as redis:
        return await _parked(redis, topic, group)


async def settle_parked(
    redis_url: str, act: Act, names: Sequence[str], topic: str = "", group: str = ""
) -> list[Parked]:
    """Replay or drop the parked events of these names, or all when there are none; which they were."""
    async with _connected(redis_url) as redis:
        found = await _parked(redis, topic, group)
        chosen = [parked for parked in found if not names or parked.name in names]
        missing = sorted(set(names) - {parked.name for parked in chosen})
        if missing:
            raise BadInputError(
                f"nothing is parked under {', '.join(missing)}", hint="cxmesh events parked lists what is"
            )
        places: dict[tuple[Stream, str], list[str]] = defaultdict(list)
        for parked in chosen:
            places[parked.stream, parked.group].append(parked.event.entry)
        for (stream, of_group), of_place in places.items():
            await act(redis, stream, of_group, of_place)
        return chosen


def decode_event(kind: str, data: bytes) -> Json:
    """The message as JSON; None when its type is not known here or the bytes are not such a message."""
    if (package := _EVENT_TYPE.fullmatch(kind)) is None:  # what to import is never left to the data
        return None
    try:
        importlib.import_module(f"{package[1]}.events_pb2")
        message = symbol_database.Default().GetSymbol(kind).FromString(data)
    except (ImportError, KeyError, ValueError, DecodeError):
        return None
    document: Json = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return document


async def _parked(redis: RedisClient, topic: str, group: str) -> list[Parked]:
    found = []
    for match in map(_PARKED_KEY.fullmatch, sorted(await _keys(redis, "{*:*}:parked:*"))):
        if match is None or topic not in ("", match["topic"]) or group not in ("", match["group"]):
            continue
        stream, last = _stream_in(match), None
        while page := await list_parked(redis, stream, match["group"], after=last, limit=_PAGE):
            found += [Parked(stream, match["group"], event) for event in page]
            last = page[-1].entry
    return found


@asynccontextmanager
async def _connected(redis_url: str) -> AsyncIterator[RedisClient]:
    redis = connect_redis(redis_url)
    try:
        yield redis
    except RedisError as error:
        raise NotRunningError(f"Redis cannot be asked: {error}", hint="cxmesh status") from error
    finally:
        await redis.aclose()


async def _keys(redis: RedisClient, pattern: str) -> list[str]:
    return [key.decode() async for key in redis.scan_iter(match=pattern, count=1000)]


def _stream_in(match: re.Match[str]) -> Stream:
    return Stream(match["topic"], int(match["partition"]))
