"""What must a service say of itself, and what is it given to work with?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import metadata
from typing import Any, Protocol

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer

from mesh.clock import Clock
from mesh.events import RedisClient, Subscription
from mesh.rpc import Authorization, Channels, ErrorSpec, Servicer
from mesh.settings import ServiceSettings
from mesh.store import Store


@dataclass(slots=True)
class Runtime:
    """What a service works with. The frame makes it before `build`, and closes it after everything has ended."""

    settings: ServiceSettings
    """Of the class that the definition names."""
    store: Store
    redis: RedisClient
    """For what may be lost: caches, windows, limits."""
    channels: Channels
    """To the other services."""
    clock: Clock
    tracer: Tracer
    meter: Meter


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again. A run that fails is logged and counted, and the next one comes."""

    name: str
    """In the service's own words: `close-bill-cycles`."""
    every: timedelta
    """From the end of one run to the start of the next. Every replica runs it: lock what only one may do."""
    run: Callable[[], Awaitable[object]]

    def __post_init__(self) -> None:
        if self.every <= timedelta(0):
            raise ValueError(f"job {self.name!r}: expected a time above zero between runs, got {self.every}")


class Listener(Protocol):
    """A port of a service beside the one for gRPC: for a protocol that others have laid down."""

    name: str
    """What it serves, in a word: `otlp-http`."""
    address: str
    """Where it serves: `host:port`; before `start`, where it is to."""

    async def start(self) -> None:
        """Bind the port and serve."""

    async def stop(self) -> None:
        """Let what is running end, then close the port."""


@dataclass(frozen=True, slots=True)
class Application:
    """What a service does, wired and ready."""

    servicers: Sequence[Servicer]
    authorization: Authorization
    """Full method name to callers. What has no entry is denied, and starting fails while something has none."""
    errors: Mapping[type[Exception], ErrorSpec] = field(default_factory=dict)
    """How the domain's errors are told to callers."""
    subscriptions: Sequence[Subscription[Any]] = ()
    """Which events are handled; each of the service's own group."""
    jobs: Sequence[Job] = ()
    listeners: Sequence[Listener] = ()
    """Further ports. They open after the one for gRPC, and close before it."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A service: `main(DEFINITION)` runs it."""

    name: str
    """As in its certificate: `usage-correlation`."""
    schema: str
    """In PostgreSQL: `usage`."""
    settings: type[ServiceSettings]
    build: Callable[[Runtime], Application]
    """The wiring. Opens nothing by itself; what it needs is in the runtime."""
    migrations: str
    """Import path of the Alembic script package: `usage_correlation.store.migrations`."""

    @property
    def version(self) -> str:
        """Of the package `cxmesh-<name>`; "unversioned" where there is none, as in tests."""
        try:
            return metadata.version(f"cxmesh-{self.name}")
        except metadata.PackageNotFoundError:
            return "unversioned"
