"""Is a bill checked end to end: against what the peers know, once per run, all or nothing, and told to the others?"""

import asyncio
import urllib.request
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import grpc
import pytest
from billing_messages import bill_message, money
from billing_samples import (
    CALLS,
    END,
    SINCE,
    START,
    TARIFFS,
    night,
    tariff_document,
    usage_line,
    with_amounts,
    with_line,
    with_more,
)

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import error_from

PASS, NOTE, HOLD = bill_check_pb2.VERDICT_PASS, bill_check_pb2.VERDICT_PASS_WITH_NOTE, bill_check_pb2.VERDICT_HOLD


def rejected(answer: pb.CheckBillsResponse) -> list[tuple[int, str, str, str]]:
    return [
        (one.index, ErrorReason.Name(one.reason).removeprefix("ERROR_REASON_"), one.field, one.description)
        for one in answer.rejections
    ]


async def test_a_wrong_bill_is_held_with_its_cause_and_its_correction(world) -> None:
    account, run = world.account(), await world.run()
    wrong = bill_message(with_amounts(account.right_bill(), evening="33.56"), "b-1")
    check = await world.checked(run, wrong)
    assert check.name == f"billChecks/{run.partition('/')[2]}.b-1"
    assert (check.bill, check.bill_run, check.plan) == ("bills/b-1", run, "plans/standard")
    assert (check.subscription, check.customer) == (account.name, f"customers/c-{account.name[14:]}")
    assert check.billing_period == wrong.billing_period
    assert (check.billed_total, check.expected_total) == (money("82.84"), money("66.06"))
    assert (check.verdict, check.hold_state, check.record_count) == (HOLD, bill_check_pb2.HOLD_STATE_HELD, len(CALLS))
    assert check.check_time.ToDatetime() == world.clock.now().replace(tzinfo=None)
    assert not check.HasField("release")
    [finding] = check.findings
    assert finding.finding_class == bill_pb2.FINDING_CLASS_WRONG_BAND
    assert (list(finding.line_ids), finding.charge_code) == (["0-voice.evening"], "voice.evening")
    assert (finding.billed, finding.expected, finding.difference) == (money("33.56"), money("16.78"), money("16.78"))
    assert "the rate of voice.day" in finding.explanation
    assert finding.derivation[-1] == "16.779 rounded half_up to 2 decimals = 16.78"
    assert [(one.reversed_line_id, one.charge_code, one.amount) for one in check.proposed_correction] == [
        ("0-voice.evening", "voice.evening", money("-33.56")),
        ("", "voice.evening", money("16.78")),
    ]


async def test_bills_get_their_verdicts_in_their_order_and_bad_ones_hold_up_no_other(world) -> None:
    run, right, tie = await world.run(), world.account(), world.account(calls=(night(900),))
    wrong = with_amounts(world.account().right_bill(), day="50")
    stranger = replace(right, name="subscriptions/s-unknown")
    bills = [
        bill_message(right.right_bill(), "right"),
        bill_pb2.Bill(name="no name"),
        bill_message(wrong, "wrong"),
        bill_message(stranger.right_bill(), "stranger"),
        bill_message(with_amounts(tie.right_bill(), night="0.67"), "tie"),
    ]
    answer = await world.check(run, *bills)
    assert [(one.index, one.verdict, one.finding_count) for one in answer.outcomes] == [
        (0, PASS, 0),
        (2, HOLD, 1),
        (4, NOTE, 1),
    ]
    assert [one[:3] for one in rejected(answer)] == [
        (1, "INVALID_BILL", "name"),
        (3, "SUBSCRIPTION_NOT_FOUND", "subscription"),
    ]
    report = await world.report(run)
    assert (report.bill_count, report.passed_count, report.noted_count, report.held_count) == (3, 1, 1, 1)
    assert (report.line_count, report.record_count) == (9, 15)
    assert [(one.finding_class, one.finding_count, one.difference) for one in report.finding_totals] == [
        (bill_pb2.FINDING_CLASS_OVERCHARGE, 1, money("4.10")),
        (bill_pb2.FINDING_CLASS_ROUNDING, 1, money("-0.01")),
    ]


async def test_the_same_bill_again_gets_the_same_answer_without_being_rated_again(world) -> None:
    account, run = world.account(), await world.run()
    bill = bill_message(with_amounts(account.right_bill(), day="50"))
    first = await world.checked(run, bill)
    world.peers.usage.store(replace(account, calls=()))
    world.clock.advance(timedelta(hours=1))
    for peer in world.peers.all:
        peer.down = True
    assert await world.checked(run, bill) == first
    assert (await world.report(run)).bill_count == 1
    assert len(await world.events(run)) == 1


async def test_in_another_run_it_is_checked_anew_and_its_findings_have_the_same_ids(world) -> None:
    account = world.account()
    bill = bill_message(with_amounts(account.right_bill(), day="50"))
    first, second = [await world.checked(await world.run(), bill) for _ in range(2)]
    assert first.name != second.name
    assert first.findings == second.findings


async def test_other_content_under_the_same_name_is_refused_and_the_first_check_stays(world) -> None:
    account, run = world.account(), await world.run()
    first = await world.checked(run, bill_message(account.right_bill(), "b-1"))
    other = bill_message(with_amounts(account.right_bill(), day="50"), "b-1")
    said = (0, "BILL_CONFLICT", "name", "bills/b-1 was sent in this run before, with other content")
    assert rejected(await world.check(run, other)) == [said]
    assert await world.billing.GetBillCheck(pb.GetBillCheckRequest(name=first.name)) == first


async def test_a_bill_that_stands_twice_in_a_call_is_checked_once(world) -> None:
    account, run = world.account(), await world.run()
    bill = bill_message(account.right_bill(), "b-1")
    other = bill_message(with_amounts(account.right_bill(), day="50"), "b-1")
    first = await world.check(run, bill, other, bill)
    assert [(one.index, one.verdict) for one in first.outcomes] == [(0, PASS), (2, PASS)]
    assert [one[:3] for one in rejected(first)] == [(1, "BILL_CONFLICT", "name")]
    again = await world.check(run, bill, other, bill)
    assert again.outcomes == first.outcomes
    assert [one[:3] for one in rejected(again)] == [(1, "BILL_CONFLICT", "name")]
    assert (await world.report(run)).bill_count == 1


async def test_calls_that_race_give_the_same_answer_and_tell_of_a_held_bill_once(world) -> None:
    run, accounts = await world.run(), [world.account() for _ in range(8)]
    bills = [bill_message(with_amounts(one.right_bill(), day="50")) for one in accounts]
    answers = await asyncio.gather(*(world.check(run, *bills[:: (-1) ** turn]) for turn in range(6)))
    found = {tuple(sorted((one.bill_check, one.verdict) for one in answer.outcomes)) for answer in answers}
    assert len(found) == 1
    assert not any(answer.rejections for answer in answers)
    assert (await world.report(run)).held_count == 8
    assert len(await world.events(run)) == 8


async def test_a_held_bill_is_told_to_the_others_under_its_customers_key(world) -> None:
    account, run = world.account(), await world.run()
    await world.check(run, bill_message(account.right_bill()))
    check = await world.checked(run, bill_message(with_amounts(account.right_bill(), day="50")))
    [(key, event)] = await world.events(run)
    assert (key, event.DESCRIPTOR.full_name) == (check.customer, "cxmesh.billing.v1.BillHeld")
    assert event.bill_check == check
    async with asyncio.timeout(10):
        while not any(check.name.encode() in fields[b"data"] for fields in await stream(world)):
            await asyncio.sleep(0.01)


async def stream(world) -> list[dict[bytes, bytes]]:
    entries = await world.service.runtime.redis.xrange("{billing:0}:events")
    return [{_bytes(key): _bytes(value) for key, value in fields.items()} for _, fields in entries]


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("peer", ["profile", "catalogue", "usage"])
async def test_while_a_peer_is_down_nothing_is_recorded_and_the_caller_may_try_again(world, peer: str) -> None:
    account, run = world.account(), await world.run()
    bill = bill_message(with_amounts(account.right_bill(), day="50"))
    getattr(world.peers, peer).down = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.check(run, bill)
    error = error_from(caught.value)
    assert (error.status, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_DEPENDENCY_UNAVAILABLE")
    assert error.retry_after
    assert (await world.report(run)).bill_count == 0
    assert await world.events(run) == []
    getattr(world.peers, peer).down = False
    assert [one.verdict for one in (await world.check(run, bill)).outcomes] == [HOLD]


async def test_usage_that_breaks_off_is_not_taken_for_all_of_it(world) -> None:
    run, accounts = await world.run(), [world.account() for _ in range(4)]
    world.peers.usage.breaks_off = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.check(run, *(bill_message(one.right_bill()) for one in accounts))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (await world.report(run)).bill_count == 0


async def test_each_peer_is_asked_once_for_all_bills_of_a_period(world) -> None:
    run, accounts = await world.run(), [world.account() for _ in range(5)]
    odd = world.account(start=START - timedelta(days=3650), end=START - timedelta(days=3620), calls=())
    await world.check(run, *(bill_message(one.right_bill()) for one in accounts))
    assert [len(peer.asked) for peer in (world.peers.profile, world.peers.usage)] == [1, 1]
    assert len(world.peers.usage.asked[0].subscriptions) == 5
    held = replace(odd, plans=(("plans/standard", SINCE - timedelta(days=5000)),))
    world.peers.hold(held)
    answer = await world.check(
        run, bill_message(odd.bill(usage_line("voice.day", "0"))), bill_message(accounts[0].right_bill())
    )
    # Before its tariff began it has no prices; and if it had, its period would not have widened the other's.
    assert [one[:3] for one in rejected(answer)] == [(0, "INVALID_BILL", "billing_period")]
    assert [one.interval.start_time.ToDatetime().year for one in world.peers.usage.asked[1:]] == [2026]


async def test_bills_of_different_periods_are_asked_for_apart(world) -> None:
    run, first = await world.run(), world.account()
    later = world.account(start=END, end=END + timedelta(days=31))
    answer = await world.check(run, bill_message(first.right_bill()), bill_message(later.right_bill()))
    assert [one.verdict for one in answer.outcomes] == [PASS, PASS]
    assert [list(one.subscriptions) for one in world.peers.usage.asked] == [[first.name], [later.name]]


async def test_a_bill_without_any_usage_is_checked(world) -> None:
    run, account = await world.run(), world.account("plans/saver", calls=())
    check = await world.checked(run, bill_message(account.right_bill()))
    assert (check.verdict, check.record_count) == (PASS, 0)


async def test_a_plan_that_is_no_longer_sold_is_still_in_force_for_its_holders(world) -> None:
    world.peers.catalogue.sell("plans/old", tariff_document("old", prices=("0.5", "0.5", "0.5", "0.5")), retired=True)
    run, moved = await world.run(), START + timedelta(days=14)
    account = world.account(plans=(("plans/old", SINCE), ("plans/standard", moved)))
    check = await world.checked(run, bill_message(world.account("plans/standard").right_bill()))
    assert check.verdict == PASS
    tariffs = {**account.tariffs, "plans/old": TARIFFS["plans/standard"]}
    wrong = replace(account, tariffs=tariffs).right_bill()  # the old plan billed at the standard's prices
    assert (await world.checked(run, bill_message(wrong))).verdict == HOLD


async def test_a_bill_of_100_000_lines_is_checked_and_can_be_read_back(world) -> None:
    run, account = await world.run(), world.account()
    lines = [replace(usage_line(f"code-{number}", "0.01"), line_id=f"l-{number}") for number in range(100_000)]
    large = bill_message(account.bill(*lines))
    check = await world.checked(run, large)
    assert (check.verdict, len(check.findings), len(check.proposed_correction)) == (HOLD, 5, 100_004)
    assert sum(len(one.line_ids) for one in check.findings) == 100_000
    [(_, event)] = await world.events(run)
    assert (event.bill_check.name, event.bill_check.billed_total) == (check.name, money("1000"))
    assert not event.bill_check.findings  # they would not fit in an event
    assert not event.bill_check.proposed_correction


async def test_checks_are_counted_once_by_verdict_and_findings_by_class(world) -> None:
    account, run = world.account(), await world.run()
    before = await counted(world)
    wrong = bill_message(with_more(account.right_bill(), usage_line("gift", "1")))
    right = bill_message(world.account().right_bill())
    for _ in range(3):
        await world.check(run, wrong, bill_pb2.Bill(), right)
    after = await counted(world)
    assert {label: after[label] - before.get(label, 0) for label in after if after[label] != before.get(label)} == {
        'cxmesh_billing_bills_total{cxmesh_billing_outcome="hold"}': 1,
        'cxmesh_billing_bills_total{cxmesh_billing_outcome="pass"}': 1,
        'cxmesh_billing_bills_total{cxmesh_billing_outcome="invalid_bill"}': 3,
        'cxmesh_billing_findings_total{cxmesh_billing_finding_class="unknown_charge"}': 1,
    }


async def counted(world) -> dict[str, int]:
    url = f"http://{world.service.running.metrics_address}/metrics"
    page = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read().decode())
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith("cxmesh_billing")]
    return {label: int(float(value)) for label, _, value in lines if "_total" in label}


async def test_a_plan_change_in_the_middle_of_the_period_is_checked_part_by_part(world) -> None:
    run, moved = await world.run(), START + timedelta(days=14)
    account = world.account(plans=(("plans/standard", SINCE), ("plans/saver", moved)))
    check = await world.checked(run, bill_message(account.right_bill()))
    assert (check.verdict, check.plan, check.record_count) == (PASS, "plans/saver", len(CALLS))
    fee = with_line(account.right_bill(), "monthly", amount=Fraction("9.98"))
    check = await world.checked(await world.run(), bill_message(fee))
    assert [one.finding_class for one in check.findings] == [bill_pb2.FINDING_CLASS_OVERCHARGE]
