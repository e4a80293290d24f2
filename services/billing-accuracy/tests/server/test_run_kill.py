"""Does a run that is killed in its middle go on, and find what an undisturbed one finds?"""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from billing_peers import peers
from billing_process import running
from billing_streams import BILLS, KILLS, new_run, run_of_bills, same_in, stream_rest

from mesh.embedded import PostgresServer, RunningPostgres
from mesh.testkit import Certificates


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own: what is committed is on the disk."""
    server = PostgresServer(tmp_path / "postgresql")
    yield server
    server.remove()


@pytest.mark.kill
async def test_killed_in_the_middle_a_run_goes_on_and_finds_what_an_undisturbed_one_finds(
    postgres_url: str, redis_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    async with (
        peers(certificates) as around,
        running(postgres_url, redis_url, certificates, around, tmp_path) as (process, channel),
    ):
        bills = run_of_bills(around)
        await stream_rest(channel, await new_run(channel, "undisturbed"), bills)
        disturbed = await new_run(channel, "disturbed")
        for kill in range(1, KILLS + 1):
            until = BILLS * kill // (KILLS + 1)
            assert not await stream_rest(channel, disturbed, bills, until=until, then=process.kill)
            await process.start()
        await stream_rest(channel, disturbed, bills)
        await same_in(channel, "disturbed", "undisturbed")


@pytest.mark.kill
async def test_a_run_goes_on_when_the_database_was_killed_in_its_middle(
    durable: PostgresServer, redis_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    database = durable.start()
    url = database.create_database("billing")
    async with (
        peers(certificates) as around,
        running(url, redis_url, certificates, around, tmp_path) as (_, channel),
    ):
        bills = run_of_bills(around)
        await stream_rest(channel, await new_run(channel, "undisturbed"), bills)
        disturbed = await new_run(channel, "disturbed")

        async def kill_database() -> None:
            _kill(database)

        for kill in range(1, KILLS + 1):
            until = BILLS * kill // (KILLS + 1)
            assert not await stream_rest(channel, disturbed, bills, until=until, then=kill_database)
            database = durable.start(database.port)
        await stream_rest(channel, disturbed, bills)
        await same_in(channel, "disturbed", "undisturbed")


def _kill(database: RunningPostgres) -> None:
    """kill -9 of PostgreSQL with all its processes; they are dead on return."""
    main = psutil.Process(database.pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.kill()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
