"""Are checks kept as they are found, once, and read back exactly?"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from billing_checks import CORRECTION, FINDING, NOW, TIE, held, noted, passed
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.findings import CorrectionLine, HoldState, Release, ReleaseKind, Verdict
from billing_accuracy.errors import BillCheckNotFound
from billing_accuracy.handlers.ports import BillCheck, CheckFilter
from billing_accuracy.store.bill_checks import StoredBillChecks
from mesh.store import Store

FIRST = ("", "")


@pytest.fixture
async def connection(store: Store) -> AsyncIterator[AsyncConnection]:
    async with store.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        await transaction.rollback()


@pytest.fixture
def checks(connection: AsyncConnection) -> StoredBillChecks:
    return StoredBillChecks(connection)


async def test_a_check_is_read_back_as_it_was_kept(checks: StoredBillChecks) -> None:
    kept = [held("run", "b-1"), passed("run", "b-2"), noted("run", "b-3")]
    assert set(await checks.add(kept)) == {"b-1", "b-2", "b-3"}
    assert [await checks.get(f"run.{one.bill_id}") for one in kept] == kept
    assert await checks.get_many("run", ["b-3", "b-1", "b-9"]) == {"b-1": kept[0], "b-3": kept[2]}


async def test_amounts_are_exact_to_the_micro_unit_and_as_large_as_they_may_be(checks: StoredBillChecks) -> None:
    largest = Fraction(10**12)
    finding = replace(FINDING, billed=largest, expected=-largest)
    check = held("run", "b-1", billed_total=largest, expected_total=Fraction(-1, 10**6), findings=(finding,))
    await checks.add([check])
    assert await checks.get("run.b-1") == check
    with pytest.raises(ValueError, match="not a whole number of micro-units"):
        await checks.add([held("run", "b-2", billed_total=Fraction(1, 3))])


async def test_text_is_kept_whatever_it_holds(checks: StoredBillChecks) -> None:
    odd = "'; DROP TABLE billing.finding; -- \\ \" {} 😀\n"
    finding = replace(FINDING, line_ids=(odd,), charge_code=odd, explanation=odd, derivation=(odd,))
    check = held("run", "b-1", findings=(finding,), correction=(CorrectionLine(odd, odd, Fraction(1)),))
    await checks.add([check])
    assert await checks.get("run.b-1") == check


async def test_more_findings_than_a_small_integer_counts_keep_their_order(checks: StoredBillChecks) -> None:
    findings = tuple(replace(FINDING, line_ids=(str(number),)) for number in range(33_000))
    await checks.add([held("run", "b-1", findings=findings), held("run", "b-2")])
    assert (await checks.get("run.b-1")).findings == findings


async def test_a_known_check_is_left_alone_whatever_its_content(checks: StoredBillChecks) -> None:
    first = held("run", "b-1")
    await checks.add([first])
    other = replace(passed("run", "b-1"), digest=b"other")
    assert set(await checks.add([other, passed("run", "b-2")])) == {"b-2"}
    assert await checks.get("run.b-1") == first
    assert (await checks.get("run.b-1")).findings == (FINDING, TIE)


async def test_a_bill_is_checked_anew_in_another_run(checks: StoredBillChecks) -> None:
    assert set(await checks.add([held("run", "b-1")])) == {"b-1"}
    assert set(await checks.add([passed("next", "b-1")])) == {"b-1"}
    assert [(await checks.get(f"{run}.b-1")).verdict for run in ("run", "next")] == [Verdict.HOLD, Verdict.PASS]


@pytest.mark.parametrize("name", ["run.b-9", "other.b-1", "run", ""])
async def test_what_is_not_there_is_not_found(checks: StoredBillChecks, name: str) -> None:
    await checks.add([held("run", "b-1")])
    with pytest.raises(BillCheckNotFound, match=f"there is no billChecks/{name}"):
        await checks.get(name)
    assert await checks.get_many("run", []) == {}


async def test_pages_go_on_after_the_last_of_the_page_before(checks: StoredBillChecks) -> None:
    kept = [held(run, bill) for run in ("a", "b") for bill in ("B-1", "b-1", "b-10", "b-2", "b.2")]
    await checks.add(kept[5:])
    await checks.add(kept[:5])
    seen: list[BillCheck] = []
    after = FIRST
    while page := await checks.page(CheckFilter(), after, 3):
        seen += page
        after = page[-1].bill_run_id, page[-1].bill_id
    assert seen == kept  # byte by byte, whatever the database's language


async def test_a_page_holds_what_is_asked_for(checks: StoredBillChecks) -> None:
    other = held("run", "b-4", customer="customers/c-2")
    await checks.add([held("run", "b-1"), passed("run", "b-2"), noted("run", "b-3"), other])
    await checks.add([passed("next", "b-1")])

    async def page(**wanted: object) -> list[str]:
        return [one.bill_check_id for one in await checks.page(CheckFilter(**wanted), FIRST, 10)]  # type: ignore[arg-type]

    assert await page(bill_run_id="run") == ["run.b-1", "run.b-2", "run.b-3", "run.b-4"]
    assert await page(customer="customers/c-2") == ["run.b-4"]
    assert await page(verdict=Verdict.PASS) == ["next.b-1", "run.b-2"]
    assert await page(hold_state=HoldState.HELD) == ["run.b-1", "run.b-4"]
    assert await page(hold_state=HoldState.HELD, customer="customers/c-1", bill_run_id="run") == ["run.b-1"]
    assert await page(bill_run_id="run", verdict=Verdict.PASS, hold_state=HoldState.HELD) == []


async def test_a_release_is_kept_with_who_why_and_when(checks: StoredBillChecks) -> None:
    await checks.add([held("run", "b-1"), held("run", "b-2")])
    release = Release(ReleaseKind.CORRECTED, "service/operator", "agent-7", "fixed", NOW + timedelta(days=1))
    released = replace(held("run", "b-1"), hold_state=HoldState.RELEASED, release=release)
    await checks.save_release(released)
    assert await checks.get("run.b-1") == released
    assert await checks.get("run.b-2") == held("run", "b-2")
    with pytest.raises(ValueError, match=r"run\.b-2 was not released"):
        await checks.save_release(held("run", "b-2"))


async def test_of_many_that_add_the_same_checks_one_wins_each(store: Store) -> None:
    bills = [f"b-{number}" for number in range(50)]

    async def add(turn: int) -> set[str]:
        async with store.unit_of_work() as uow:
            mine = [held("race", bill, digest=bytes([turn])) for bill in bills[:: (-1) ** turn]]
            return set(await StoredBillChecks(uow.connection).add(mine))

    won = await asyncio.gather(*(add(turn) for turn in range(8)))
    assert sorted(bill for bills in won for bill in bills) == sorted(bills)
    async with store.reading() as connection:
        kept = await StoredBillChecks(connection).get_many("race", bills)
    assert {bill: one.digest for bill, one in kept.items()} == {
        bill: bytes([turn]) for turn, mine in enumerate(won) for bill in mine
    }
    assert {len(one.findings) for one in kept.values()} == {2}


async def test_who_locks_a_check_sees_what_the_one_before_wrote(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await StoredBillChecks(uow.connection).add([held("lock", "b-1")])
    release = Release(ReleaseKind.OVERRIDDEN, "service/operator", "agent-7", "goodwill", NOW)

    async def release_once() -> bool:
        async with store.unit_of_work() as uow:
            checks = StoredBillChecks(uow.connection)
            check = await checks.get("lock.b-1", lock=True)
            if check.hold_state is HoldState.HELD:
                await asyncio.sleep(0.02)
                await checks.save_release(replace(check, hold_state=HoldState.RELEASED, release=release))
                return True
            return False

    assert sorted(await asyncio.gather(*(release_once() for _ in range(5)))) == [False] * 4 + [True]


async def test_the_correction_is_part_of_the_check(checks: StoredBillChecks) -> None:
    await checks.add([held("run", "b-1")])
    assert (await checks.get("run.b-1")).correction == CORRECTION
