"""How many spans a second become attainment, on the cores that load, service and database share?"""

from __future__ import annotations

import asyncio
import os
import statistics
import time

import grpc

from tests.bench.figures import Figure
from tests.bench.processes import process, said
from tests.bench.sla_load import PARTNERS, PROVIDER, SPANS, Export, exports, send
from tests.bench.sla_mesh import SlaMesh, sla_mesh, until

SESSIONS = 12_000
"""Of one run."""
RUNS = 3
REPLICAS = 2
"""One a core."""
QUIET_SECONDS = 0.5
_SENDERS = (PROVIDER, *(f"partner/{partner}" for partner in PARTNERS))


def spans_per_second() -> Figure:
    """From the first export until the last session is counted, against a receiver that parses and drops."""
    sessions = max(200, round(SESSIONS * float(os.environ.get("BENCH_SCALE", "1"))))
    print(
        f"{sessions:,} sessions of {SPANS} spans a run, from {len(_SENDERS)} senders to {REPLICAS} replicas over "
        f"OTLP/gRPC with mutual TLS; median of {RUNS} runs from the first export until every visit of every session is "
        f"counted, with the {QUIET_SECONDS:g} s that a trace has to be quiet for. PostgreSQL with fsync. "
        "Against a receiver that parses spans and drops them"
    )
    with sla_mesh(REPLICAS, CXMESH_QUIET_SECONDS=str(QUIET_SECONDS)) as mesh, process("servers", "otlp-sink") as server:
        sink = said(server)
        taken, dropped = [], []
        for number in range(RUNS + 1):
            batches = exports(sessions, time.time_ns(), seed=number)
            drop = asyncio.run(_to_sink(sink, batches))
            take = _to_mesh(mesh, batches, sessions)
            if number:  # the first warms up
                dropped.append(drop)
                taken.append(take)
    return Figure.against(statistics.median(taken), statistics.median(dropped), "spans/s")


def _to_mesh(mesh: SlaMesh, batches: list[Export], sessions: int) -> float:
    expected = mesh.counted() + sessions * len(PARTNERS)
    before, begun = mesh.cpu_seconds(), time.perf_counter()
    sent = asyncio.run(_send(mesh, batches))
    until(lambda: mesh.counted() >= expected, 300)
    seconds = time.perf_counter() - begun
    if mesh.counted() != expected:
        raise RuntimeError(f"{mesh.counted()} visits are counted where {expected} were sent")
    spans, now = sum(batch.spans for batch in batches), mesh.cpu_seconds()
    shares = {name: (now[name] - before[name]) / spans * 1e6 for name in now}
    said_shares = ", ".join(f"{name} {each:.1f}" for name, each in shares.items())
    print(
        f"  {spans / seconds:,.0f} spans/s, taken in after {sent:.1f} s and counted after {seconds:.1f} s; "
        f"{sum(shares.values()):.1f} µs of processor time a span ({said_shares})"
    )
    return spans / seconds


async def _send(mesh: SlaMesh, batches: list[Export]) -> float:
    channels = {sender: mesh.channels(sender) for sender in _SENDERS}
    try:
        return await send(channels, batches)
    finally:
        await asyncio.gather(*(channel.close() for some in channels.values() for channel in some))


async def _to_sink(address: str, batches: list[Export]) -> float:
    async with grpc.aio.insecure_channel(address) as channel:
        seconds = await send({sender: [channel] for sender in _SENDERS}, batches)
    return sum(batch.spans for batch in batches) / seconds
