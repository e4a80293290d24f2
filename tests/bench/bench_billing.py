"""Are wrong bills found, right ones let go, causes told rightly, and how many bills are checked in a second?"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.policy_document import load_policy
from billing_accuracy.domain.usage import BillCase, PlanPeriod, Subscription, segments_of
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.server.bills import BillReader
from cxmesh.billing.v1 import bill_pb2
from mesh.rpc.validation import RequestRules
from rating import UsageColumns, load_tariff
from tests.bench.billing_errors import CENT, CLASSES, Seeded, Seeder
from tests.bench.billing_load import Subscribers, load_usage, parts, right_bills
from tests.bench.billing_mesh import BillingMesh, billing_mesh
from tests.bench.billing_tariff import PLAN, document
from tests.bench.billing_world import TARIFFS, World
from tests.bench.figures import Figure
from tests.bench.usage_mesh import scale

ERRORS = 1_000
SUBSCRIBERS = 1_300
"""Not every bill can have every error: a few more subscribers than errors."""
BILLS = 2_000
RECORDS = 300
FEW, MANY = 1_000, 100_000
FLAT_RECORDS = 10
"""Of a bill of the flat runs, so that 100,000 bills are loaded within minutes."""
BATCH = 200
RUNS = 3
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
POLICY = load_policy("ROUNDING: {note_only: true}")


def run() -> dict[str, Figure]:
    """Quality first, in this process; then whole runs through the services."""
    found = {**quality(ERRORS, SUBSCRIBERS), **_speed()}
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Judged:
    """A seeded error, and what the check found."""

    seeded: Seeded
    checked: Checked

    @property
    def is_found(self) -> bool:
        """Whether anything was."""
        return bool(self.checked.findings)

    @property
    def is_named(self) -> bool:
        """Whether its class was."""
        return self.seeded.finding_class in {finding.finding_class for finding in self.checked.findings}


def quality(count: int, subscribers: int) -> dict[str, Figure]:
    """Recall, precision and causes over errors of every class, beside a check that only compares totals."""
    world = World(subscribers, seed=1)
    right = [who.case(world.right(who).bill(number)) for number, who in enumerate(world.subscribers)]
    invented = [one for one in check(right, world.usage, TARIFFS, POLICY) if one.findings]
    seeded = Seeder(world, seed=2).seeded(count)
    results = check([one.case for one in seeded], world.usage, TARIFFS, POLICY)
    judged = [Judged(*pair) for pair in zip(seeded, results, strict=True)]
    print(
        f"{len(right):,} right bills; then {count:,} errors of all {len(CLASSES)} classes, each on another of them: "
        "versions, allowances, zones, time bands, proration, one-offs, credits, discounts, taxes, balances. Against a "
        "check that only compares totals"
    )
    _print_by_class(judged)
    _print_by_amount(judged)
    findings = sum(len(one.checked.findings) for one in judged)
    extra = findings - sum(one.is_found for one in judged) + sum(len(one.findings) for one in invented)
    by_total = sum(one.seeded.case.bill.total != one.checked.expected_total for one in judged)
    commonest = max(Counter(one.seeded.finding_class for one in judged).values())
    return {
        "billing.recall": _share(sum(one.is_found for one in judged), count, by_total),
        "billing.precision": _share(findings + sum(len(one.findings) for one in invented) - extra, findings, findings),
        "billing.cause_accuracy": _share(sum(one.is_named for one in judged), count, commonest),
    }


def _share(part: int, of: int, baseline: int) -> Figure:
    return Figure.against(part / of, baseline / of, "ratio")


def _print_by_class(judged: Sequence[Judged]) -> None:
    for kind in FindingClass:
        mine = [one for one in judged if one.seeded.finding_class is kind]
        if mine:
            others = Counter(
                finding.finding_class for one in mine if not one.is_named for finding in one.checked.findings
            )
            told = f"; told as {', '.join(f'{name} {times}' for name, times in others.items())}" if others else ""
            found, named = sum(one.is_found for one in mine), sum(one.is_named for one in mine)
            print(f"  {kind:16} {len(mine):4} seeded, {found:4} found, {named:4} named rightly{told}")


def _print_by_amount(judged: Sequence[Judged]) -> None:
    edges = [0 * CENT, CENT, 10 * CENT, 100 * CENT, 1000 * CENT]
    names = ["nothing", "up to 0.01", "up to 0.10", "up to 1.00", "up to 10.00", "more"]
    for place, name in enumerate(names):
        mine = [one for one in judged if sum(abs(one.seeded.amount) > edge for edge in edges) == place]
        found, named = sum(one.is_found for one in mine), sum(one.is_named for one in mine)
        print(f"  {name:16} {len(mine):4} seeded, {found:4} found, {named:4} named rightly")


def _speed() -> dict[str, Figure]:
    bills, few, many = (max(2 * BATCH, round(count * scale())) for count in (BILLS, FEW, MANY))
    with billing_mesh() as mesh:
        print(
            f"{bills:,} bills of {RECORDS} records, {BATCH} a batch, streamed through a run, median of {RUNS}: four "
            "services with mutual TLS, records read from PostgreSQL (fsync on), rated, compared, checks kept; all are "
            "right and pass. Against the same bills and records in the memory of one process"
        )
        speed = _Speed(mesh)
        per_second, alone = speed.run(Subscribers("w-", bills, RECORDS), seed=3)
        print(
            f"Cost of a bill with {FLAT_RECORDS} records: processor time of all processes, in a run of {many:,} bills "
            f"against the median of {RUNS} runs of {few:,}"
        )
        flat = speed.flatness(Subscribers("f-", many, FLAT_RECORDS), few)
    return {
        "billing.bills_per_s": Figure.against(per_second, alone, "bills/s"),
        "billing.records_per_s": Figure.against(per_second * RECORDS, alone * RECORDS, "records/s"),
        "billing.flatness": flat,
    }


class _Speed:
    """What is measured in one instance."""

    def __init__(self, mesh: BillingMesh) -> None:
        self._mesh = mesh

    def run(self, who: Subscribers, seed: int) -> tuple[float, float]:
        """Median bills a second, here and where everything is in memory."""
        columns = self._load(who, seed)
        bills = list(right_bills(who, columns, "b"))
        self._streamed(bills)  # warms up
        rates = [len(bills) / self._streamed(bills)[0] for _ in range(RUNS)]
        return statistics.median(rates), _alone(who, columns, bills)

    def flatness(self, who: Subscribers, few: int) -> Figure:
        """What a bill of a large run costs beside one of a small run."""
        columns = self._load(who, seed=4)
        bills = list(right_bills(who, columns, "b"))
        self._streamed(bills[:few])  # warms up
        small = statistics.median(
            [self._streamed(bills[number * few : (number + 1) * few])[1] for number in range(RUNS)]
        )
        large = self._streamed(bills)[1]
        return Figure(large / small, "ratio", 1.0, large / small)

    def _load(self, who: Subscribers, seed: int) -> UsageColumns:
        begun = time.perf_counter()
        self._mesh.load(who.prefix, PLAN, 0, who.count)
        columns = load_usage(self._mesh.database, who, seed)
        print(f"  {who.count:,} subscribers and {len(columns):,} records loaded ({time.perf_counter() - begun:.0f} s)")
        return columns

    def _streamed(self, bills: Sequence[bill_pb2.Bill]) -> tuple[float, float]:
        """Seconds, and processor time a bill, of a new run."""
        sent = list(parts(self._mesh.bill_run(), bills, BATCH))
        before = self._mesh.cpu_seconds()
        seconds, wrong = self._mesh.stream(sent)
        if wrong:
            raise RuntimeError(f"{wrong} of {len(bills)} right bills were found to be wrong")
        now = self._mesh.cpu_seconds()
        spent = {name: (now[name] - before[name]) / len(bills) * 1e6 for name in now}
        shares = ", ".join(f"{name} {each:.0f}" for name, each in spent.items() if each >= 1)
        print(
            f"  {len(bills):,} bills: {len(bills) / seconds:,.0f} bills/s; {sum(spent.values()):,.0f} µs of processor "
            f"time a bill ({shares})"
        )
        return seconds, sum(spent.values())


def _alone(who: Subscribers, columns: UsageColumns, bills: Sequence[bill_pb2.Bill]) -> float:
    """Bills a second where nothing is read or kept."""
    edges = np.arange(who.count + 1) * who.records
    ranges = {f"subscriptions/{name}": (int(edges[n]), int(edges[n + 1])) for n, name in enumerate(who.names)}
    table = UsageTable.of(columns, columns.start * 1_000_000, ranges)
    reader, tariffs = BillReader(RequestRules()), {f"plans/{PLAN}": load_tariff(document())}

    def case(message: bill_pb2.Bill) -> BillCase:
        bill = reader.read(message)
        held = Subscription(bill.subscription, "customers/c", (PlanPeriod(f"plans/{PLAN}", SINCE, None),))
        return BillCase(bill, held, segments_of(bill, held))

    def work() -> None:
        for first in range(0, len(bills), BATCH):
            check([case(message) for message in bills[first : first + BATCH]], table, tariffs, POLICY)

    return len(bills) / _seconds(work)


def _seconds(work: Callable[[], None]) -> float:
    work()  # warms up
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
