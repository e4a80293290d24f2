"""Who calls, as their certificate says, and how long will they wait?"""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

import grpc

Kind = Literal["service", "partner"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A service of this mesh or a partner of the value network."""

    kind: Kind
    name: str
    """A service's name, such as `usage-correlation`, or a partner's id."""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `service/<name>` or `partner/<id>`; raises ValueError on anything else."""
        kind, separator, name = text.partition("/")
        if kind not in ("service", "partner") or not separator or not name or "/" in name:
            raise ValueError(f"{text!r} is no identity: expected service/<name> or partner/<id>")
        return cls(cast("Kind", kind), name)

    @classmethod
    def from_uri(cls, uri: str, *, trust_domain: str) -> Self:
        """Read a SPIFFE URI, `spiffe://<trust-domain>/service/<name>`; raises ValueError on anything else."""
        parts = urlsplit(uri)
        if parts.scheme != "spiffe" or parts.netloc != trust_domain or parts.query or parts.fragment:
            raise ValueError(f"{uri!r} is no SPIFFE identity of the trust domain {trust_domain!r}")
        return cls.parse(parts.path.removeprefix("/"))

    def uri(self, trust_domain: str) -> str:
        """The SPIFFE URI that stands in the certificate."""
        return f"spiffe://{trust_domain}/{self}"


# Quoted because gRPC's classes are generic in their stubs alone.
ServerContext: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Identify: TypeAlias = Callable[[ServerContext], Identity]
"""Says who makes a call; raises RpcError (UNAUTHENTICATED) when nobody known does."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """What the call that is being served brings along for everything done on its behalf."""

    identity: Identity
    deadline: float | None
    """On the clock of `time.monotonic()`; None when the caller set none."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server is about to stop: what would go on for ever has to end."""


_incoming: ContextVar[IncomingCall] = ContextVar("incoming_call")


def enter_call(call: IncomingCall) -> None:
    """From here on, in this task, everything is done for `call`. Every RPC has a task of its own."""
    _incoming.set(call)


def current_identity() -> Identity:
    """Who made the call that is being served; raises LookupError outside a call."""
    try:
        return _incoming.get().identity
    except LookupError:
        raise LookupError("there is no caller here: current_identity() is for code that serves an RPC") from None


def current_draining() -> asyncio.Event:
    """Set when the server of the call that is being served is about to stop; raises LookupError outside a call."""
    return _incoming.get().draining


def remaining_seconds() -> float | None:
    """How long the caller will still wait (never negative); None outside a call or without a deadline."""
    call = _incoming.get(None)
    if call is None or call.deadline is None:
        return None
    return max(0.0, call.deadline - time.monotonic())
