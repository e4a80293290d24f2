"""Is said of a run as a whole what is wrong with it, and is a systematic error told before its end?"""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from billing_messages import bill_message, money
from billing_samples import END, START, with_amounts, with_line

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2, run_exposure_pb2
from cxmesh.billing.v1 import bill_run_service_pb2 as pb
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as bills_pb
from cxmesh.billing.v1.events_pb2 import SystematicErrorFound

OVERCHARGE = bill_pb2.FINDING_CLASS_OVERCHARGE
BAND = bill_pb2.FINDING_CLASS_WRONG_BAND


async def exposure(world, run: str, **fields) -> run_exposure_pb2.RunExposure:
    return await world.runs.GetRunExposure(pb.GetRunExposureRequest(name=f"{run}/exposure", **fields))


def wrong(world, name: str, plan: str = "plans/standard", **amounts: str) -> bill_pb2.Bill:
    return bill_message(with_amounts(world.account(plan).right_bill(), **amounts), name)


def figures(found: run_exposure_pb2.Exposure) -> tuple[str, int, int, object, object]:
    return found.key, found.bill_count, found.finding_count, found.overcharge, found.leakage


async def test_a_run_without_findings_is_exposed_to_nothing(world) -> None:
    run = await world.run()
    await world.check(run, bill_message(world.account().right_bill()))
    found = await exposure(world, run)
    assert figures(found.total) == ("", 0, 0, money(0), money(0))
    assert [len(one) for one in (found.by_class, found.top_causes, found.systematic_errors)] == [0, 0, 0]


async def test_leakage_and_overcharge_stay_apart_by_class_plan_region_and_cause(world) -> None:
    run, saver = await world.run(), world.account("plans/saver").right_bill()
    bills = [
        wrong(world, "too-much", day="46.90"),
        wrong(world, "too-much-again", day="47.90"),
        wrong(world, "too-little", day="45.80"),
        bill_message(with_line(saver, "monthly", amount=Fraction("9.98")), "of-saver"),
        wrong(world, "day-rate", evening="33.56"),
    ]
    await world.check(run, *bills)
    found = await exposure(world, run)
    assert figures(found.total) == ("", 5, 5, money("19.78"), money("0.11"))
    assert [figures(one) for one in found.by_class] == [
        ("OVERCHARGE", 2, 2, money("3.00"), money(0)),
        ("UNDERCHARGE", 2, 2, money(0), money("0.11")),
        ("WRONG_BAND", 1, 1, money("16.78"), money(0)),
    ]
    assert [(one.key, one.bill_count) for one in found.by_plan] == [("plans/saver", 1), ("plans/standard", 4)]
    assert [(one.key, one.bill_count) for one in found.by_region] == [("America/New_York", 5)]
    causes = [(one.cause.finding_class, one.cause.charge_code, one.cause.cause) for one in found.top_causes]
    assert causes[:2] == [(BAND, "voice.evening", "the rate of voice.day"), (OVERCHARGE, "voice.day", "")]
    assert found.top_causes[1].example_bill_checks == [
        f"billChecks/{run[9:]}.{name}" for name in ("too-much", "too-much-again")
    ]
    assert len((await exposure(world, run, cause_count=1)).top_causes) == 1


async def test_what_was_checked_before_counts_once(world) -> None:
    run, bill = await world.run(), wrong(world, "b-1", day="46.90")
    for _ in range(3):
        await world.check(run, bill)
    assert figures((await exposure(world, run)).total) == ("", 1, 1, money("1.00"), money(0))


async def test_a_systematic_error_is_told_once_as_soon_as_a_hundred_bills_show_it(world) -> None:
    run = await world.run()
    for batch in range(3):
        right = [bill_message(world.account().right_bill(), f"r-{batch}-{number}") for number in range(36)]
        await world.check(run, *right, *(wrong(world, f"w-{batch}-{n}", evening="33.56") for n in range(4)))
        told = [message for _, message in await world.events(run) if isinstance(message, SystematicErrorFound)]
        assert len(told) == (batch == 2)
    [error] = (await exposure(world, run)).systematic_errors
    assert told == [SystematicErrorFound(bill_run=run, systematic_error=error)]
    assert (error.cause.finding_class, error.cause.cause) == (BAND, "the rate of voice.day")
    assert (error.cause.charge_code, error.cause.plan) == ("voice.evening", "plans/standard")
    assert (error.checked_count, error.affected_count) == (120, 12)
    assert error.exposure.overcharge == money("201.36")
    assert len(error.example_bill_checks) == 5
    await world.check(run, wrong(world, "late", evening="33.56"))
    assert (await exposure(world, run)).systematic_errors == [error]
    assert sum(isinstance(message, SystematicErrorFound) for _, message in await world.events(run)) == 1


async def test_an_error_that_few_bills_have_is_not_systematic(world) -> None:
    run = await world.run()
    right = [bill_message(world.account().right_bill(), f"r-{number}") for number in range(110)]
    await world.check(run, *right, *(wrong(world, f"w-{number}", day="46.90") for number in range(5)))
    assert not (await exposure(world, run)).systematic_errors


@pytest.mark.parametrize("together", [True, False], ids=["in one call", "one after another"])
async def test_the_second_bill_of_the_same_time_is_held(world, together: bool) -> None:
    account, run = world.account(), await world.run()
    bills = [bill_message(account.right_bill(), name) for name in ("first", "second")]
    for batch in [bills] if together else [bills[:1], bills[1:]]:
        await world.check(run, *batch)
    first, second = [
        await world.billing.GetBillCheck(bills_pb.GetBillCheckRequest(name=f"billChecks/{run[9:]}.{name}"))
        for name in ("first", "second")
    ]
    assert (first.verdict, second.verdict) == (bill_check_pb2.VERDICT_PASS, bill_check_pb2.VERDICT_HOLD)
    [finding] = second.findings
    assert finding.finding_class == bill_pb2.FINDING_CLASS_DUPLICATE_RECORD
    start = START.isoformat()
    assert finding.explanation.startswith(f"bills/first of this run bills the same subscription from {start}")
    assert (finding.billed, finding.statement_only) == (money("66.06"), True)


async def test_bills_that_meet_at_midnight_and_those_of_other_runs_do_not_overlap(world) -> None:
    this, run = world.account("plans/saver", calls=()), await world.run()
    after = replace(this, start=END, end=END + timedelta(days=31))
    await world.check(await world.run(), bill_message(this.right_bill()))
    answer = await world.check(run, bill_message(this.right_bill()), bill_message(after.right_bill()))
    assert [one.finding_count for one in answer.outcomes] == [0, 0]
