"""Story 2, wrong bill: a right bill run passes, one with seeded errors is held, each error explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cxmesh.billing.v1.bill_check_pb2 import HOLD_STATE_HELD, BillCheck
from cxmesh.billing.v1.bill_pb2 import Bill, BillRun, FindingClass
from cxmesh.billing.v1.billing_accuracy_service_pb2 import (
    CheckBillsRequest,
    CreateBillRunRequest,
    GetBillRunRequest,
    ListBillChecksRequest,
)
from cxmesh_cli.demo.bills import CURRENCY, SeededError, amount, bill_of, seed_errors
from cxmesh_cli.demo.calls import BillCycle
from cxmesh_cli.demo.client import TIMEOUT_SECONDS, MeshClient, every
from cxmesh_cli.demo.provision import in_batches
from cxmesh_cli.demo.subscribers import Subscriber

BATCH_BILLS: Final = 200
PAGE: Final = 500
SEEDED_SHARE: Final = 20
"""One bill in so many gets an error."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A bill run as the mesh saw it."""

    run: BillRun
    held: tuple[BillCheck, ...]

    @property
    def rounding_notes(self) -> int:
        """Lines that differ only by how a half cent was rounded."""
        totals = self.run.report.finding_totals
        return sum(one.finding_count for one in totals if one.finding_class == FindingClass.FINDING_CLASS_ROUNDING)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Errors seeded against errors found."""

    seeded: tuple[SeededError, ...]
    missed: tuple[SeededError, ...]
    invented: tuple[SeededError, ...]

    @property
    def overcharge(self) -> Decimal:
        """What the customers would have paid too much."""
        return sum((one.difference for one in self.seeded if one.difference > 0), Decimal())

    @property
    def leakage(self) -> Decimal:
        """What the provider would have lost."""
        return -sum((one.difference for one in self.seeded if one.difference < 0), Decimal())

    @property
    def by_class(self) -> Counter[str]:
        """How many of each kind were seeded."""
        return Counter(words(one.finding_class) for one in self.seeded)


def check_right_run(
    mesh: MeshClient, subscribers: Sequence[Subscriber], cycle: BillCycle, advance: Callable[[int], None]
) -> RunResult:
    """The file's own charges, as the billing system made them."""
    return _check(mesh, "as-billed", [bill_of(one, cycle, "as-billed") for one in subscribers], advance)


def check_wrong_run(
    mesh: MeshClient, subscribers: Sequence[Subscriber], cycle: BillCycle, advance: Callable[[int], None]
) -> tuple[RunResult, Comparison]:
    """The same bills with seeded errors, and whether exactly those were found."""
    bills = [bill_of(one, cycle, "with-errors") for one in subscribers]
    seeded = seed_errors(bills, max(len(bills) // SEEDED_SHARE, 1))
    result = _check(mesh, "with-errors", bills, advance)
    return result, compare(seeded, result.held)


def compare(seeded: Sequence[SeededError], held: Sequence[BillCheck]) -> Comparison:
    """Which seeded errors were not found as they were seeded, and which findings nobody seeded."""
    found = [
        SeededError(check.bill, finding.finding_class, amount(finding.difference))
        for check in held
        for finding in check.findings
        if finding.finding_class != FindingClass.FINDING_CLASS_ROUNDING
    ]
    return Comparison(
        seeded=tuple(seeded),
        missed=tuple(one for one in seeded if one not in found),
        invented=tuple(one for one in found if one not in seeded),
    )


def words(finding_class: FindingClass.ValueType) -> str:
    """A class as one says it, e.g. "wrong band"."""
    return FindingClass.Name(finding_class).removeprefix("FINDING_CLASS_").lower().replace("_", " ")


def _check(mesh: MeshClient, run_id: str, bills: Sequence[Bill], advance: Callable[[int], None]) -> RunResult:
    run = mesh.billing.CreateBillRun(
        CreateBillRunRequest(bill_run_id=run_id, bill_run=BillRun(currency_code=CURRENCY)), timeout=TIMEOUT_SECONDS
    )
    for batch in in_batches(bills, BATCH_BILLS):
        answer = mesh.billing.CheckBills(CheckBillsRequest(bill_run=run.name, bills=batch), timeout=TIMEOUT_SECONDS)
        if answer.rejections:
            first = answer.rejections[0]
            raise RuntimeError(f"{batch[first.index].name} was refused: {first.field}: {first.description}")
        advance(len(batch))
    held = every(
        lambda token: mesh.billing.ListBillChecks(
            ListBillChecksRequest(bill_run=run.name, hold_state=HOLD_STATE_HELD, page_size=PAGE, page_token=token),
            timeout=TIMEOUT_SECONDS,
        ),
        lambda page: page.bill_checks,
    )
    checks = tuple(held)
    return RunResult(mesh.billing.GetBillRun(GetBillRunRequest(name=run.name), timeout=TIMEOUT_SECONDS), checks)
