"""Is usage lost or counted twice, or a signal, when the service or `cxmesh ingest` is killed in the middle of it?"""

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest
from mesh_core import SERVICES, Core, core_of, in_file, keyed
from mesh_kills import bring_back, kill, wait_until

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh_cli.demo.subscribers import Subscriber, read_subscribers
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import python_module
from mesh.events import ConsumerSettings
from usage_adapters.usage_csv import write_usage_csv

TAKEN_OVER_SECONDS = 4 / 3 * ConsumerSettings().claim_after_seconds
"""Within which another takes over the events that a consumer died with: it looks for such three times in that time."""

pytestmark = [pytest.mark.mesh, pytest.mark.kill, pytest.mark.timeout(120 + TAKEN_OVER_SECONDS)]

USAGE = "usage-correlation"
OF_A_TEST = 100
"""Subscribers: about 30,000 records in 30 batches."""
BATCH_SECONDS = 0.25
"""What storing a batch takes at the least, so that there is a middle to die in on any machine."""
DEATHS = ((0.05, 0.2), (0.4, 0.6))
"""Within which shares of the file something dies, each time at a random place."""
SUBSCRIBERS = read_subscribers(2 * OF_A_TEST)


@pytest.fixture(scope="module")
def core(start_instance: Callable[..., Home]) -> Iterator[Core]:
    """In which things die."""
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        core.slow_down(BATCH_SECONDS)
        yield core


@pytest.fixture(scope="module")
def undisturbed(start_instance: Callable[..., Home]) -> Iterator[Core]:
    """The same, in which nothing ever happens."""
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        yield core


class Ingest:
    """A file on its way into an instance, by `cxmesh ingest`."""

    def __init__(self, core: Core, records: Sequence[UsageRecord], file: Path) -> None:
        self._core = core
        self._file = file
        with file.open("w", newline="") as text:
            write_usage_csv(records, text)
        self._total = len(records)
        self._before = self._stored()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def start(self) -> None:
        """From the first row, or from where it ended before."""
        self._process = subprocess.Popen(
            python_module("cxmesh_cli", "ingest", str(self._file), "--in-flight", "2", "--json"),
            env={**os.environ, "CXMESH_HOME": str(self._core.home.root)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_within(self, low: float, high: float, chance: random.Random) -> None:
        """Until a random share of the records between `low` and `high` is stored, while more are on their way."""
        share = chance.uniform(low, high)
        wait_until(f"{share:.0%} of the file is stored", lambda: self._stored_share() >= share, 20)
        assert self._stored_share() < 1

    def kill(self) -> None:
        assert self._process
        with self._process:  # waits, and closes the pipe
            self._process.kill()

    def finish(self) -> None:
        """It ends well, and every record was accepted or known."""
        assert self._process
        printed, _ = self._process.communicate(timeout=40)
        assert self._process.returncode == 0
        summary = json.loads(printed)
        assert (summary["rows"], summary["rejected"]) == (self._total, 0)
        assert summary["accepted"] + summary["duplicates"] == self._total

    def _stored_share(self) -> float:
        return (self._stored() - self._before) / self._total

    def _stored(self) -> int:
        [(count,)] = self._core.ask("SELECT count(*) FROM usage.usage_record_key")
        return int(count)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same in every run of a test; when exactly something dies differs all the same."""
    return random.Random(request.node.name)


def test_no_usage_is_lost_or_counted_twice_when_the_service_is_killed_again_and_again(
    core: Core, undisturbed: Core, chance: random.Random, tmp_path: Path
) -> None:
    subscribers = SUBSCRIBERS[:OF_A_TEST]
    records = core.records(subscribers)
    with Ingest(core, records, tmp_path / "usage.csv") as ingest:
        ingest.start()
        for low, high in DEATHS:
            ingest.wait_until_within(low, high, chance)
            kill(core.home, USAGE)
            bring_back(core.home, USAGE)
        ingest.finish()  # it went on by itself

    assert_exact(core, subscribers, records)
    assert core.signals(subscribers) == signals_of(undisturbed, subscribers, tmp_path)
    assert_each_signal_is_decided_once(core)


def test_no_usage_is_lost_or_counted_twice_when_the_ingest_is_killed_with_the_service(
    core: Core, undisturbed: Core, chance: random.Random, tmp_path: Path
) -> None:
    subscribers = SUBSCRIBERS[OF_A_TEST:]
    records = core.records(subscribers)
    with Ingest(core, records, tmp_path / "usage.csv") as ingest:
        ingest.start()
        for low, high in DEATHS:
            ingest.wait_until_within(low, high, chance)
            ingest.kill()
            kill(core.home, USAGE)
            bring_back(core.home, USAGE)
            ingest.start()
        ingest.finish()

    assert_exact(core, subscribers, records)
    assert core.signals(subscribers) == signals_of(undisturbed, subscribers, tmp_path)
    assert_each_signal_is_decided_once(core)


def signals_of(undisturbed: Core, subscribers: Sequence[Subscriber], folder: Path) -> set[str]:
    """The signals that the subscribers' usage raises when nothing happens."""
    with Ingest(undisturbed, undisturbed.records(subscribers), folder / "undisturbed.csv") as ingest:
        ingest.start()
        ingest.finish()
    signals = undisturbed.signals(subscribers)
    assert len(signals) > len(subscribers)
    return signals


def assert_exact(core: Core, subscribers: Sequence[Subscriber], records: Sequence[UsageRecord]) -> None:
    """Records and counters hold what was sent, no more and no less."""
    assert core.stored(subscribers) == keyed(records)
    assert core.counted(subscribers) == in_file(subscribers)


def assert_each_signal_is_decided_once(core: Core) -> None:
    """Also after everything has come to rest: no later delivery adds anything."""
    raised = sorted(core.signals(SUBSCRIBERS))
    wait_until("every signal is decided", lambda: len(core.decided()) >= len(raised), 20)
    wait_until("all events are handled, also those that somebody died with", core.is_at_rest, 20 + TAKEN_OVER_SECONDS)
    assert sorted(core.decided()) == raised
    assert sorted(core.announced()) == raised
