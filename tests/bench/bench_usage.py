"""How much usage is taken in a second, whatever the number of subscribers, and how soon is a signal committed?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc

from cxmesh_cli.ingest import IN_FLIGHT
from tests.bench.figures import Figure
from tests.bench.processes import process, said
from tests.bench.usage_load import Batch, Call, Usage, at_a_pace, record_usage, records_per_second
from tests.bench.usage_mesh import BUNDLE, METERED, UsageMesh, scale, usage_mesh

BATCH = 1_000
BATCHES = 150
"""Of one run."""
RUNS = 3
FEW, SOME, MANY = 10_000, 100_000, 1_000_000
"""Subscribers known."""
TELLING_SHARE = 0.01
"""Of the records, those that raise a signal."""
PACE = 10_000
"""Records a second while the time to a signal is measured."""
PACED_BATCH = 200
"""Who wants signals soon sends small batches soon: one every 20 ms."""
PACED_SECONDS, PACED_SECONDS_TO_WARM_UP = 8.0, 2.0


def run() -> dict[str, Figure]:
    """One instance, in which more and more subscribers are known."""
    few, some, many = (max(BATCH, round(count * scale())) for count in (FEW, SOME, MANY))
    with usage_mesh() as mesh:
        bench = _Bench(mesh)
        print(
            f"{bench.batches * BATCH:,} records a run, {BATCH:,} a batch, {IN_FLIGHT} batches under way, "
            f"{TELLING_SHARE:.0%} of the records raise a signal; median of {RUNS} runs. Three services with mutual "
            "TLS, PostgreSQL with fsync and Redis on this machine; every record is accepted, every signal counted. "
            "Against a server that parses the same requests and drops them"
        )
        at_few, _ = bench.ingest(bench.known(METERED, few))
        metered = bench.known(METERED, some)
        at_some, dropped = bench.ingest(metered, against_sink=True)
        delays = bench.signal_delays(metered)
        bundled, _ = bench.ingest(bench.known(BUNDLE, some))
        at_many, _ = bench.ingest(bench.known(METERED, many))
    return {
        "usage.ingest_records_per_s": Figure.against(at_some, dropped, "records/s"),
        "usage.ingest_allowance_records_per_s": Figure.against(bundled, dropped, "records/s"),
        "usage.ingest_flatness": Figure(at_many / at_few, "ratio", 1.0, at_many / at_few),
        "usage.signal_ms_p99": delays,
    }


class _Bench:
    """What is measured in one instance, one thing after another."""

    def __init__(self, mesh: UsageMesh) -> None:
        self.batches = max(4, round(BATCHES * scale()))
        self._mesh = mesh
        self._call = record_usage(mesh.channel)
        self._usage = Usage()
        self._loaded: dict[str, int] = {}

    def known(self, plan: str, count: int) -> list[str]:
        """So many subscriptions to the plan, known to usage too: those that are new use something first.

        Once in all time a subscriber's first record asks the profile and makes rows; that is no part of any figure.
        """
        before = self._loaded.get(plan, 0)
        names = [f"subscriptions/{plan}-{number}" for number in range(count)]
        with _told(f"{count - before:,} more subscribers with {plan}: loaded, and each of them used something"):
            self._mesh.load(f"{plan}-", plan, before, count - before)
            for first in range(before, count, 100 * BATCH):
                some = names[first : first + 100 * BATCH]
                records_per_second(self._call, self._usage.batches(-(-len(some) // BATCH), BATCH, some, 0.0))
        self._loaded[plan] = count
        return names

    def ingest(self, subscribers: Sequence[str], *, against_sink: bool = False) -> tuple[float, float]:
        """Median records a second, here and where they are dropped (0 when that is not asked for)."""
        self._taken(subscribers)  # warms up
        if not against_sink:
            return statistics.median([self._taken(subscribers) for _ in range(RUNS)]), 0.0
        taken, dropped = [], []
        with process("servers", "bare-sink") as server, grpc.insecure_channel(said(server)) as channel:
            sink = record_usage(channel)
            self._dropped(sink, subscribers)  # warms up
            for _ in range(RUNS):  # in turn, so that what else the machine does hits both
                dropped.append(self._dropped(sink, subscribers))
                taken.append(self._taken(subscribers))
        return statistics.median(taken), statistics.median(dropped)

    def signal_delays(self, subscribers: Sequence[str]) -> Figure:
        """Milliseconds from when a record was due until its signal was committed."""
        print(
            f"{PACE:,} records/s by the clock, {PACED_BATCH} a batch, {PACED_SECONDS:g} s a run, median of the 99th "
            f"percentiles of {RUNS} runs: from when a record was due to be sent until the commit of the signal that it "
            f"raised, as PostgreSQL notes it ({TELLING_SHARE:.0%} of the records raise one); against the time to the "
            "answer at the same pace when none does"
        )
        told, quiet = [], []
        self._paced(PACED_SECONDS_TO_WARM_UP, subscribers, TELLING_SHARE)
        for number in range(RUNS):
            _, answered = self._paced(PACED_SECONDS, subscribers, 0.0)
            committed, _ = self._paced(PACED_SECONDS, subscribers, TELLING_SHARE)
            told.append(_p99(committed) * 1000)
            quiet.append(_p99(answered) * 1000)
            print(f"  run {number + 1}: {told[-1]:.1f} ms to the commit of a signal, {quiet[-1]:.1f} ms to an answer")
        return Figure.against(statistics.median(told), statistics.median(quiet), "ms")

    def _taken(self, subscribers: Sequence[str]) -> float:
        batches = self._usage.batches(self.batches, BATCH, subscribers, TELLING_SHARE)
        signals, spent = self._mesh.signals(), self._mesh.cpu_seconds()
        rate = records_per_second(self._call, batches)
        raised, expected = self._mesh.signals() - signals, round(self.batches * BATCH * TELLING_SHARE)
        if raised != expected:
            raise RuntimeError(f"{raised} signals were raised by usage that should raise {expected}")
        now = self._mesh.cpu_seconds()
        self._say_cpu(f"{rate:,.0f} records/s, {len(subscribers):,} subscribers", batches, now, spent)
        return rate

    def _dropped(self, sink: Call, subscribers: Sequence[str]) -> float:
        return records_per_second(sink, self._usage.batches(self.batches, BATCH, subscribers, 0.0))

    def _paced(self, seconds: float, subscribers: Sequence[str], share: float) -> tuple[list[float], list[float]]:
        """Seconds from when it was due, for each signal to its commit, for each batch to its answer."""
        count = max(5, round(seconds * scale() * PACE / PACED_BATCH))
        batches = self._usage.batches(count, PACED_BATCH, subscribers, share)
        spent = self._mesh.cpu_seconds()
        paced = at_a_pace(self._call, batches, PACED_BATCH / PACE)
        self._say_cpu(f"{PACE:,} records/s by the clock", batches, self._mesh.cpu_seconds(), spent)
        commits = [(record.split("-")[0], when) for record, when in self._mesh.signal_commits()]
        delays = [when - paced.due[batch] for batch, when in commits if batch in paced.due]
        if len(delays) != round(count * PACED_BATCH * share):
            raise RuntimeError(f"{len(delays)} signals were raised by {count * PACED_BATCH * share:g} records")
        return delays, paced.seconds

    def _say_cpu(self, what: str, batches: Sequence[Batch], now: dict[str, float], before: dict[str, float]) -> None:
        """On a machine that is busy with other things, processor time still says what the work costs."""
        records = sum(batch.records for batch in batches)
        spent = {name: (now[name] - before[name]) / records * 1e6 for name in now}
        shares = ", ".join(f"{name} {each:.1f}" for name, each in spent.items() if each >= 0.05)
        print(f"  {what}: {sum(spent.values()):.1f} µs of processor time a record ({shares})")


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


@contextmanager
def _told(what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"  {what} ({time.perf_counter() - begun:.0f} s)")
