"""What are the streams called in Redis, and what does an entry look like?

All keys of one stream share a hash tag, so that they live in one slot of a Redis Cluster:

    {usage:0}:events                   the stream itself
    {usage:0}:relay                    which life of the data this is, and how many events it has seen
    {usage:0}:parked:<group>           what the group could not handle
    {usage:0}:replay:<group>           what the group shall try again

An entry's fields have CloudEvents names: id, type, source, subject (the key), time, data, and the extensions sequence,
traceparent and tracestate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mesh.store.outbox import Stream

Fields = Mapping[bytes, bytes]


def events_key(stream: Stream) -> str:
    """The stream itself."""
    return f"{{{stream.topic}:{stream.partition}}}:events"


def relay_key(stream: Stream) -> str:
    """A hash with the life of the Redis data (`epoch`) and the last `sequence` given out in it."""
    return f"{{{stream.topic}:{stream.partition}}}:relay"


def parked_key(stream: Stream, group: str) -> str:
    """What the group could not handle."""
    return f"{{{stream.topic}:{stream.partition}}}:parked:{group}"


def replay_key(stream: Stream, group: str) -> str:
    """What the group shall try again, read by this group alone."""
    return f"{{{stream.topic}:{stream.partition}}}:replay:{group}"


class MalformedEntry(ValueError):  # noqa: N818 - says what it is
    """An entry that no relay of the mesh wrote."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it travels: everything but what its message says."""

    id: UUID
    type: str
    key: str
    time: datetime
    traceparent: str | None
    tracestate: str | None
    data: bytes

    @classmethod
    def from_fields(cls, fields: Fields) -> "Envelope":
        """Read an entry; raises MalformedEntry."""
        try:
            return cls(
                id=UUID(fields[b"id"].decode()),
                type=fields[b"type"].decode(),
                key=fields[b"subject"].decode(),
                time=datetime.fromisoformat(fields[b"time"].decode()),
                traceparent=_optional(fields, b"traceparent"),
                tracestate=_optional(fields, b"tracestate"),
                data=fields[b"data"],
            )
        except (KeyError, ValueError) as error:
            raise MalformedEntry(f"{type(error).__name__}: {error}") from error

    def to_fields(self, source: str) -> list[str | bytes]:
        """Names and values in turn, as XADD takes them."""
        fields: list[str | bytes] = ["id", str(self.id), "type", self.type, "source", source, "subject", self.key]
        fields += ["time", self.time.isoformat(), "data", self.data]
        if self.traceparent:
            fields += ["traceparent", self.traceparent]
        if self.tracestate:
            fields += ["tracestate", self.tracestate]
        return fields


def _optional(fields: Fields, name: bytes) -> str | None:
    return fields[name].decode() if name in fields else None
