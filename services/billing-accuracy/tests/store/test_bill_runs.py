"""Are runs kept, listed newest first, and added up exactly?"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from billing_checks import FINDING, NOW, bill_run, held, noted, passed
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.findings import FindingClass, Verdict
from billing_accuracy.errors import AlreadyExists, BillRunNotFound
from billing_accuracy.handlers.ports import RunReport
from billing_accuracy.store.bill_checks import StoredBillChecks
from billing_accuracy.store.bill_runs import StoredBillRuns
from mesh.store import Store


@pytest.fixture
async def connection(store: Store) -> AsyncIterator[AsyncConnection]:
    async with store.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        await transaction.rollback()


@pytest.fixture
def runs(connection: AsyncConnection) -> StoredBillRuns:
    return StoredBillRuns(connection)


async def test_a_run_is_read_back_as_it_was_kept(runs: StoredBillRuns) -> None:
    await runs.add(bill_run())
    assert await runs.get("run") == bill_run()


async def test_a_name_is_given_once(runs: StoredBillRuns) -> None:
    await runs.add(bill_run())
    with pytest.raises(AlreadyExists, match="billRuns/run exists already"):
        await runs.add(bill_run(currency="EUR"))
    assert (await runs.get("run")).currency == "USD"


async def test_a_run_that_is_not_there_is_not_found(runs: StoredBillRuns) -> None:
    with pytest.raises(BillRunNotFound, match="there is no billRuns/run"):
        await runs.get("run")


async def test_the_newest_come_first_and_names_decide_between_equals(runs: StoredBillRuns) -> None:
    made = [bill_run("a"), bill_run("c"), bill_run("b"), bill_run("old", NOW - timedelta(microseconds=1))]
    for one in made:
        await runs.add(one)
    seen, before = [], None
    while page := await runs.page(before, 2):
        seen += [one.bill_run_id for one in page]
        before = page[-1].create_time, page[-1].bill_run_id
    assert seen == ["c", "b", "a", "old"]


async def test_a_run_without_checks_has_an_empty_report(runs: StoredBillRuns) -> None:
    assert await runs.reports(["run"]) == {"run": RunReport(0, 0, 0, {}, {})}
    assert await runs.reports([]) == {}


async def test_the_report_adds_up_what_was_found(runs: StoredBillRuns, connection: AsyncConnection) -> None:
    less = replace(FINDING, billed=Fraction("45.8"))
    checks = [held("run", "b-1"), held("run", "b-2", findings=(less,)), passed("run", "b-3"), noted("run", "b-4")]
    await StoredBillChecks(connection).add(checks)
    await StoredBillChecks(connection).add([held("next", "b-1")])
    reports = await runs.reports(["run", "next"])
    assert reports["run"] == RunReport(
        bills=4,
        lines=16,
        records=28,
        verdicts={Verdict.HOLD: 2, Verdict.PASS: 1, Verdict.PASS_WITH_NOTE: 1},
        findings={
            FindingClass.OVERCHARGE: (2, Fraction(4)),
            FindingClass.ROUNDING: (2, Fraction("-0.02")),
        },
    )
    assert reports["next"].bills == 1


async def test_the_report_stays_exact_beyond_64_bits(runs: StoredBillRuns, connection: AsyncConnection) -> None:
    huge = replace(FINDING, billed=Fraction(10**12), expected=-Fraction(10**12))
    checks = [held("run", f"b-{number}", findings=(huge,)) for number in range(20)]
    await StoredBillChecks(connection).add(checks)
    assert (await runs.reports(["run"]))["run"].findings == {FindingClass.OVERCHARGE: (20, Fraction(40 * 10**12))}
