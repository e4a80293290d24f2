"""Where does a charging session stand, what is it called, and what is a request to it?"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Final

from usage_correlation.domain.charging.containers import ContainerId
from usage_correlation.domain.charging.requests import ChargingRequest, Kind, Place
from usage_correlation.domain.shards import shard_of

_DIGEST_BYTES: Final = 15
_SHARD_DIGITS: Final = 2
_RECORD_ID: Final = re.compile(r"([0-9a-f]{32}):([0-9]{1,10}):([0-9]{1,10}):[0-9]+")


class State(StrEnum):
    """Where a session stands; the names are those of cxmesh.usage.v1.ChargingSessionState without their prefix."""

    OPEN = "OPEN"
    RELEASED = "RELEASED"
    TIMED_OUT = "TIMED_OUT"


@dataclass(frozen=True, slots=True)
class Context:
    """What a session's requests say once and mean for all that follow."""

    kind: Kind
    destination: str
    """Personal data."""
    place: Place
    home_networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A charging session."""

    id: str
    caller: str
    """Who opened it: nobody else but the operator sees it."""
    source: str
    """Under which its usage is stored."""
    subscription: str
    context: Context
    state: State
    last_sequence: int
    create_time: datetime
    update_time: datetime
    expire_time: datetime
    """When it is given up unless it is heard of; when it is forgotten, once it has ended."""

    def completed(self, request: ChargingRequest) -> ChargingRequest:
        """A request with what earlier ones said, where it says nothing itself."""
        known = self.context
        return replace(
            request,
            kind=known.kind if request.kind is Kind.OTHER else request.kind,
            destination=request.destination or known.destination,
            place=request.place if request.place.network else known.place,
            home_networks=tuple(dict.fromkeys((*known.home_networks, *request.home_networks))),
        )


def context_of(request: ChargingRequest) -> Context:
    """What is kept of a request for those that follow."""
    return Context(request.kind, request.destination, request.place, request.home_networks)


class Turn(Enum):
    """What a request is to its session."""

    NEXT = auto()
    """Its number is higher than any before, with or without a gap: what is missing may still come."""
    LATE = auto()
    """Others were faster: its usage counts, but it gets no quota, for a later request has one."""
    AFTER_END = auto()
    """The session has ended before it."""


def turn_of(session: Session, sequence: int) -> Turn:
    """What a request is whose number was not answered before. A session that timed out goes on."""
    if sequence < session.last_sequence:
        return Turn.LATE
    return Turn.AFTER_END if session.state is State.RELEASED else Turn.NEXT


def session_id(caller: str, subscription: str, what: bytes) -> str:
    """The id of the session that a request opens: the same for the same request, so that it is opened once.

    It begins with the subscription's shard in hexadecimal, so that the session is found by its name alone.
    """
    parts = b"\0".join((caller.encode(), subscription.encode(), what))
    return f"{shard_of(subscription):02x}{hashlib.blake2b(parts, digest_size=_DIGEST_BYTES).hexdigest()}"


def shard_of_session(session: str) -> int:
    """The shard that a session's id tells."""
    return int(session[:_SHARD_DIGITS], 16)


def record_id(session: str, sequence: int, container: ContainerId) -> str:
    """What the usage record of a container is called: the same whenever the request is sent."""
    return f"{session}:{sequence}:{container.rating_group}:{container.number}"


def parse_record_id(name: str) -> tuple[str, int, int] | None:
    """The session, sequence number and rating group of a record that `record_id` named; None for other names."""
    match = _RECORD_ID.fullmatch(name)
    return (match[1], int(match[2]), int(match[3])) if match else None
