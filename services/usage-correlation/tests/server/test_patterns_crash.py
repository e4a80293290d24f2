"""Are the same signals raised when processes that share the work are killed in the middle of it?"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from usage_peers import peers
from usage_process import running, send
from usage_samples import usage_record

from cxmesh.usage.v1.pattern_pb2 import Pattern
from cxmesh.usage.v1.pattern_service_pb2 import CreatePatternRequest, DryRunPatternRequest
from cxmesh.usage.v1.pattern_service_pb2_grpc import PatternServiceStub
from cxmesh.usage.v1.usage_service_pb2 import ListSignalsRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.store import Store
from mesh.testkit import Certificates

SUBSCRIPTIONS, BATCHES, BATCH, KILLS = 40, 24, 250, 1
# The process has the machine's clock.
START = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
DOCUMENTS = {
    "sliding": """
format: cxmesh-pattern/1
name: n
events: {use: {type: usage, where: quantity > 60}}
window: {event: use, sliding: 20m, measure: {sum: quantity}, at_least: 700}
once_per: hour
lateness: 3h
raises: {kind: PATTERN}
""",
    "tumbling": """
format: cxmesh-pattern/1
name: n
events: {use: {type: usage}}
window: {event: use, tumbling: hour, measure: {sum: quantity}, at_least: 4000}
lateness: 3h
raises: {kind: PATTERN}
""",
    "sequence": """
format: cxmesh-pattern/1
name: n
events: {little: {type: usage, where: quantity < 10}, much: {type: usage, where: quantity > 90}}
sequence: {within: 10m, steps: [{event: little, count: 2}, {event: much, count: 2}]}
once_per: 15m
lateness: 3h
raises: {kind: PATTERN}
""",
}


@pytest.mark.kill
async def test_killed_in_the_middle_every_signal_is_raised_once(
    postgres_url: str, redis_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    async with (
        peers(certificates) as known,
        running(postgres_url, redis_url, certificates, known, tmp_path) as (process, stub, channel),
        Store(postgres_url, "usage") as store,
    ):
        patterns = PatternServiceStub(channel)
        for name, document in DOCUMENTS.items():
            request = CreatePatternRequest(pattern_id=name, pattern=Pattern(document=document))
            await patterns.CreatePattern(request, timeout=60, wait_for_ready=True)
        other = process.replica()
        await other.start()
        names = [known[0].hold() for _ in range(SUBSCRIPTIONS)]
        records = [
            usage_record(names[n * n % SUBSCRIPTIONS], n * 31 % 97, start=START + timedelta(seconds=n))
            for n in range(BATCHES * BATCH)
        ]
        # The latest come first: everything is out of order, within the lateness.
        waiting = [records[first : first + BATCH] for first in range(0, len(records), BATCH)]

        async def source() -> None:
            while waiting:
                await send(stub, waiting.pop())

        try:
            sources = [asyncio.create_task(source()) for _ in range(3)]
            for kill in range(1, KILLS + 1):
                while len(waiting) > BATCHES * (KILLS + 1 - kill) // (KILLS + 1):
                    await asyncio.sleep(0.001)
                await asyncio.gather(process.kill(), other.kill())
                await asyncio.gather(process.start(), other.start())
            await asyncio.gather(*sources)
            await nothing_waits(store)
        finally:
            await other.kill()
        await check(stub, patterns)


async def nothing_waits(store: Store) -> None:
    for _ in range(1500):
        async with store.reading() as connection:
            if not (await connection.execute(text("SELECT count(*) FROM usage.correlation_queue"))).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("events wait for 30 seconds")


async def check(stub: UsageServiceStub, patterns: PatternServiceStub) -> None:
    """The signals are those of a try over what is stored, which nothing has disturbed."""
    raised: dict[str, list[str]] = {name: [] for name in DOCUMENTS}
    request = ListSignalsRequest(page_size=1000)
    while True:
        page = await stub.ListSignals(request, timeout=60, wait_for_ready=True)
        for signal in page.signals:
            raised[signal.pattern.pattern.removeprefix("patterns/")].append(signal.name)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    for name, live in raised.items():
        tried = DryRunPatternRequest(pattern=f"patterns/{name}", max_signals=100_000)
        tried.interval.start_time.FromDatetime(START - timedelta(days=1))
        tried.interval.end_time.FromDatetime(START + timedelta(days=1))
        expected = [signal.name async for part in patterns.DryRunPattern(tried) for signal in part.signals]
        assert expected, name
        assert sorted(live) == sorted(expected), name
