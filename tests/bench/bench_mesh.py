"""What do calls and events cost in the mesh, beside gRPC and Redis alone?"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from cxmesh.profile.v1.customer_pb2 import CHANNEL_EMAIL, CHANNEL_INBOX, ContactMedium, Customer, Preferences
from cxmesh.profile.v1.profile_service_pb2 import CreateCustomerRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.embedded import DevelopmentAuthority, PostgresServer, RedisServer
from mesh.store import apply_migrations
from tests.bench.figures import Figure
from tests.bench.processes import process, said

CALLERS = 32
CALLS = 5_000
CALL_RUNS = 5
EVENTS = 1_000
EVENTS_TO_WARM_UP = 100
EVENT_RUNS = 3
SAMPLED = "0.05"


def run() -> dict[str, Figure]:
    """Unary calls a second, and the time of an event from commit to commit."""
    folder = Path(tempfile.mkdtemp(prefix="cxmesh-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user, who must be able to pass through
    try:
        return {"mesh.unary_calls_per_s": _calls(folder), "mesh.event_ms_p99": _events(folder)}
    finally:
        shutil.rmtree(folder)


def _calls(folder: Path) -> Figure:
    request = _request()
    print(
        f"{CALLS:,} echoes of a customer ({request.customer.ByteSize()} bytes), {CALLERS} at a time, "
        f"median of {CALL_RUNS} runs: a mesh server (mTLS, validated, authorized, {float(SAMPLED):.0%} traced) "
        "against bare grpc.aio in plaintext; the same client"
    )
    with ExitStack() as stack:
        sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": SAMPLED}
        mesh = said(stack.enter_context(process("servers", "mesh-echo", str(folder), **sampler)))
        bare = said(stack.enter_context(process("servers", "bare-echo")))
        return asyncio.run(_compare(mesh, bare, folder, request))


async def _compare(mesh: str, bare: str, folder: Path, request: CreateCustomerRequest) -> Figure:
    issued = DevelopmentAuthority(folder).issue("service/caller")
    credentials = grpc.ssl_channel_credentials(
        issued.ca.read_bytes(), issued.key.read_bytes(), issued.certificate.read_bytes()
    )
    options = [("grpc.ssl_target_name_override", "echo")]
    async with grpc.aio.secure_channel(mesh, credentials, options) as ours, grpc.aio.insecure_channel(bare) as plain:
        rates: dict[grpc.aio.Channel, list[float]] = {ours: [], plain: []}
        for number in range(CALL_RUNS + 1):
            for channel, found in rates.items():  # in turn, so that what else the machine does hits both
                rate = await _rate(channel, request)
                if number:  # the first run warms up
                    found.append(rate)
    return Figure.against(statistics.median(rates[ours]), statistics.median(rates[plain]), "calls/s")


async def _rate(channel: grpc.aio.Channel, request: CreateCustomerRequest) -> float:
    echo = ProfileServiceStub(channel).CreateCustomer

    async def call(count: int) -> None:
        for _ in range(count):
            await echo(request, timeout=10)

    begun = time.perf_counter()
    await asyncio.gather(*(call(CALLS // CALLERS) for _ in range(CALLERS)))
    return CALLS // CALLERS * CALLERS / (time.perf_counter() - begun)


def _request() -> CreateCustomerRequest:
    return CreateCustomerRequest(
        customer_id="c-00001",
        customer=Customer(
            display_name="Customer 1",
            contact_media=[ContactMedium(channel=CHANNEL_EMAIL, address="c-00001@example.net", preferred=True)],
            language_code="en-US",
            time_zone="America/New_York",
            region_code="US-NY",
            preferences=Preferences(channels=[CHANNEL_EMAIL, CHANNEL_INBOX]),
        ),
        request_id="0b7f4f0e-7a68-4c0a-9d35-3a8f1c5e9a51",
    )


def _events(folder: Path) -> Figure:
    print(
        f"{EVENTS:,} events, one every 5 ms, after {EVENTS_TO_WARM_UP} to warm up, median of the 99th percentiles of "
        f"{EVENT_RUNS} runs: from the commit in one process to the handler's commit in another (PostgreSQL with fsync, "
        "Redis with its log) against XADD to XREADGROUP alone"
    )
    p99s: dict[str, list[float]] = {"mesh": [], "bare": []}
    with _stores(folder) as (database_url, redis_url):
        apply_migrations(database_url, "usage", "usage_correlation.store.migrations")
        apply_migrations(database_url, "offer", "offer_decision.store.migrations")
        for _ in range(EVENT_RUNS):
            for kind, found in p99s.items():
                found.append(_p99(_milliseconds(kind, database_url, redis_url)))
    return Figure.against(statistics.median(p99s["mesh"]), statistics.median(p99s["bare"]), "ms")


def _milliseconds(kind: str, *stores: str) -> Sequence[float]:
    count = EVENTS + EVENTS_TO_WARM_UP
    with process("event_ends", f"{kind}-receiver", *stores, str(count)) as receiver:
        said(receiver)
        with process("event_ends", f"{kind}-sender", *stores, str(count)):
            milliseconds: list[float] = json.loads(said(receiver))
    return milliseconds[EVENTS_TO_WARM_UP:]


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


@contextmanager
def _stores(folder: Path) -> Iterator[tuple[str, str]]:
    """As safe as in production: what is committed is on the disk."""
    postgres, redis = PostgresServer(folder / "postgresql"), RedisServer(folder / "redis")
    try:
        yield postgres.start().create_database("bench"), redis.start().url()
    finally:
        redis.remove()
        postgres.remove()
