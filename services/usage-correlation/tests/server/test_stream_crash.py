"""Does a stream go on from its last answer when the process is killed in its middle, with nothing lost or doubled?"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from usage_peers import peers
from usage_process import UNTOLD, running
from usage_samples import usage_record

from cxmesh.usage.v1.usage_service_pb2 import GetUsageSummaryRequest, StreamUsageRequest
from mesh.testkit import Certificates

BATCHES, BATCH = 30, 200
# The process has the machine's clock.
START = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.mark.kill
async def test_killed_in_the_middle_of_a_stream_it_loses_and_doubles_nothing(
    postgres_url: str, redis_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    async with (
        peers(certificates) as known,
        running(postgres_url, redis_url, certificates, known, tmp_path) as (process, stub, _),
    ):
        name = known[0].hold()
        records = [usage_record(name, n % 97, start=START + timedelta(seconds=n)) for n in range(BATCHES * BATCH)]
        batches = [
            StreamUsageRequest(position=first + BATCH, records=records[first : first + BATCH])
            for first in range(0, len(records), BATCH)
        ]

        async def rest(position: int) -> AsyncIterator[StreamUsageRequest]:
            for each in batches[position // BATCH :]:
                yield each

        done, kills = 0, 0
        while done < len(records):
            try:
                async for answer in stub.StreamUsage(rest(done), timeout=60, wait_for_ready=True):
                    assert answer.position > done
                    assert not answer.rejections
                    done = answer.position
                    if kills < 2 and done >= len(records) * (kills + 1) // 3:
                        kills += 1
                        await process.kill()
                        await process.start()
            except grpc.aio.AioRpcError as error:
                assert error.code() in UNTOLD  # noqa: PT017 - some of them end it, and it begins again
                await asyncio.sleep(0.02)
        assert kills == 2
        request = GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary")
        request.cycle_time.FromDatetime(START)
        summary = await stub.GetUsageSummary(request)
        assert sum(line.record_count for line in summary.lines) == len(records)
        assert sum(line.quantity for line in summary.lines) == sum(record.quantity for record in records)
