"""Are the records told that a finding is about, and is usage that may not be charged taken off?"""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from billing_messages import bill_message
from billing_samples import START, Call, abroad, day, evening, with_amounts, with_line

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.usage.v1.limit_state_pb2 import UnchargedUsage

PASS, HOLD = bill_check_pb2.VERDICT_PASS, bill_check_pb2.VERDICT_HOLD
DUPLICATE = bill_pb2.FINDING_CLASS_DUPLICATE_RECORD


def records(account, *numbers: int) -> list[str]:
    return [f"switch/{account.name[14:]}-{number}" for number in numbers]


async def finding_of(world, bill) -> bill_check_pb2.Finding:
    check = await world.checked(await world.run(), bill_message(bill))
    [finding] = check.findings
    return finding


async def test_a_missing_charge_names_its_records(world) -> None:
    account = world.account(calls=(day(7200), abroad(600, 4), day(60, 5), abroad(60, 6)))
    bill = account.right_bill()
    kept = tuple(line for line in bill.lines if line.charge_code != "voice.international")
    finding = await finding_of(world, account.bill(*kept))
    assert finding.finding_class == bill_pb2.FINDING_CLASS_MISSING_USAGE
    assert list(finding.evidence_records) == records(account, 1, 3)


async def test_usage_without_a_price_names_its_records(world) -> None:
    account = world.account(calls=(day(7200), Call(timedelta(days=1, hours=12), 60, "7012345"), day(60, 5)))
    finding = await finding_of(world, account.right_bill())
    assert list(finding.evidence_records) == records(account, 1)
    assert finding.cause == "no price"


async def test_at_most_twenty_records_are_named(world) -> None:
    account = world.account(calls=(day(60), *(abroad(60, number) for number in range(27))))
    lines = account.right_bill().lines
    finding = await finding_of(world, account.bill(*(one for one in lines if one.charge_code == "voice.day")))
    assert len(finding.evidence_records) == 20


async def test_a_record_that_is_billed_twice_is_named(world) -> None:
    account = world.account(calls=(day(7200), day(5400, 1), day(600, 2)))
    right = account.right_bill()
    [line] = [one for one in right.lines if one.charge_code == "voice.day"]
    more = {"record_count": line.record_count + 1, "quantity": line.quantity + 600}
    finding = await finding_of(world, with_line(right, "voice.day", amount=line.amount + Fraction("1.70"), **more))
    assert (finding.finding_class, list(finding.evidence_records)) == (DUPLICATE, records(account, 2))
    assert "1 record counted twice" in finding.explanation


@pytest.mark.parametrize("times", [1, 2])
async def test_usage_that_is_stored_under_two_ids_is_billed_once(world, times: int) -> None:
    account = world.account(calls=(day(7200), day(5400, 1)))
    bill = account.right_bill()
    twice = replace(account, calls=(day(7200), day(5400, 1), day(5400, 1)))
    world.peers.usage.store(twice)
    if times == 1:
        check = await world.checked(await world.run(), bill_message(bill))
        assert (check.verdict, check.record_count) == (PASS, 2)
        return
    finding = await finding_of(world, twice.right_bill())
    assert (finding.finding_class, list(finding.evidence_records)) == (DUPLICATE, records(account, 1, 2))
    assert finding.difference.units == 15
    assert finding.cause == "stored under two ids"


async def test_records_that_stand_under_another_charge_are_one_finding(world) -> None:
    account = world.account(calls=(day(7200), day(5400, 1), evening(6000), evening(600, 2)))
    right = account.right_bill()
    lines = {line.charge_code: line for line in right.lines}
    less = with_line(right, "voice.evening", amount=Fraction("8.50"), quantity=6000, record_count=1)
    moved = with_line(
        less,
        "voice.day",
        amount=lines["voice.day"].amount + Fraction("1.70"),
        quantity=lines["voice.day"].quantity + 600,
        record_count=3,
    )
    finding = await finding_of(world, moved)
    assert finding.finding_class == bill_pb2.FINDING_CLASS_WRONG_BAND
    assert sorted(finding.line_ids) == ["0-voice.day", "0-voice.evening"]
    assert list(finding.evidence_records) == records(account, 3)
    assert finding.cause == "voice.evening billed as voice.day"


def uncharged(account, call: Call, code: str, exact: str) -> UnchargedUsage:
    message = UnchargedUsage(
        subscription=account.name, source="switch", record_id="r", plan="plans/standard", charge_code=code,
        exact_amount=exact,
    )  # fmt: skip
    message.start_time.FromDatetime(START + call.at)
    return message


async def test_usage_that_may_not_be_charged_is_taken_off(world) -> None:
    calls = (day(7200), abroad(600, 4), abroad(300, 5))
    account = world.account(calls=calls)
    world.peers.usage.uncharged[account.name] = [
        uncharged(account, calls[1], "voice.international", "1.35"),
        uncharged(account, calls[2], "voice.international", "1.35"),
    ]
    stopped = with_amounts(account.right_bill(), international="1.35")
    check = await world.checked(await world.run(), bill_message(stopped))
    assert (check.verdict, len(check.findings)) == (PASS, 0)
    finding = await finding_of(world, account.right_bill())
    assert finding.finding_class == bill_pb2.FINDING_CLASS_OVERCHARGE
    assert finding.cause == "with usage while a spending limit had stopped the service"
    assert list(finding.evidence_records) == records(account, 1, 2)
    assert (finding.difference.units, finding.difference.nanos) == (2, 700_000_000)
    assert any("2.7 of it is not charged" in step or "2.70 of it is not charged" in step for step in finding.derivation)
