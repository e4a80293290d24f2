"""Are bills of those who share allowances checked with the usage of all, which is read once?"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import grpc
import pytest
from billing_families import ZONE, on, sharing
from billing_messages import bill_message, money
from billing_samples import END, SINCE, START, Account, Call, usage_line

from cxmesh.billing.v1 import bill_advice_service_pb2 as advice
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2, explanation_pb2
from cxmesh.billing.v1.bill_advice_service_pb2_grpc import BillAdviceServiceStub
from mesh.rpc import error_from

PASS = bill_check_pb2.VERDICT_PASS
RATE = Fraction("0.17")


class Family:
    """A customer of its own, and a plan of its own whose minutes are shared."""

    def __init__(self, world: Any, **tariff: Any) -> None:
        self._world = world
        number = uuid.uuid4().hex[:8]
        self.customer, self.plan = f"customers/family-{number}", f"plans/sharing-{number}"
        world.peers.catalogue.sell(self.plan, sharing(**tariff), retired=True)

    def member(self, *calls: Call, since: datetime = SINCE, **fields: Any) -> Account:
        usual = {"plans": ((self.plan, since),), "customer": self.customer, "time_zone": "America/New_York"}
        return self._world.account(**{"calls": calls, **usual, **fields})


def bill(account: Account, minutes: int) -> bill_pb2.Bill:
    """For so many minutes by day that nothing covers."""
    return bill_message(account.bill(usage_line("voice.day", str(minutes * RATE))))


async def test_the_bills_of_a_family_pass_and_its_usage_is_read_once(world: Any) -> None:
    family = Family(world)
    members = [family.member(on(5, 60)), family.member(on(3, 80)), family.member(on(9, 30)), world.account()]
    wanted = [bill(one, minutes) for one, minutes in zip(members, (40, 0, 30), strict=False)]
    answer = await world.check(await world.run(), *wanted[:2], bill_message(members[3].right_bill()), wanted[2])
    assert [one.verdict for one in answer.outcomes] == [PASS] * 4
    read = [set(one.subscriptions) for one in world.peers.usage.asked]
    assert sorted(read, key=len) == [{members[3].name}, {one.name for one in members[:3]}]
    listed = [one for one in world.peers.profile.asked if hasattr(one, "customer")]
    assert [one.customer for one in listed] == [family.customer]


async def test_one_bill_alone_is_checked_with_the_usage_of_all(world: Any) -> None:
    family = Family(world)
    first, _ = family.member(on(5, 60)), family.member(on(3, 80))
    check = await world.checked(await world.run(), bill(first, 40))
    assert (check.verdict, check.record_count) == (PASS, 1)


async def test_a_bill_that_ignores_the_family_is_held_and_says_how_much_is_shared(world: Any) -> None:
    family = Family(world)
    first, _ = family.member(on(5, 60)), family.member(on(3, 80))
    check = await world.checked(await world.run(), bill(first, 0))
    [finding] = check.findings
    assert finding.finding_class == bill_pb2.FINDING_CLASS_ALLOWANCE
    assert finding.cause == "as if nobody else used the allowances that are shared"
    assert any("4800 seconds used by others, 6000 seconds in all" in step for step in finding.derivation)


async def test_a_line_that_is_left_out_for_the_same_reason_is_told_likewise(world: Any) -> None:
    family = Family(world)
    first, _ = family.member(on(5, 60)), family.member(on(3, 80))
    nothing = bill_message(first.bill(usage_line("voice.night", "0")))
    [finding] = (await world.checked(await world.run(), nothing)).findings
    assert finding.cause == "as if nobody else used the allowances that are shared"


async def test_records_of_one_moment_draw_in_order_of_source_and_id(world: Any) -> None:
    family = Family(world)
    members = sorted([family.member(on(3, 80)), family.member(on(3, 80))], key=lambda one: one.name, reverse=True)
    world.peers.usage.sources[members[0].name] = "a-switch"
    bills = [bill(one, minutes) for one, minutes in zip(members, (0, 60), strict=True)]
    for some in ([bills[1]], [bills[0]]):
        assert [one.verdict for one in (await world.check(await world.run(), *some)).outcomes] == [PASS]


async def test_what_the_family_left_of_the_cycle_before_counts(world: Any) -> None:
    family = Family(world, rollover_cycles=1)
    since = datetime(2026, 1, 1, tzinfo=ZONE)
    first = family.member(on(5, 160), since=since)
    family.member(on(20, 70, month=1), since=since)
    assert (await world.checked(await world.run(), bill(first, 30))).verdict == PASS


async def test_members_of_other_bill_cycles_and_plans_do_not_share(world: Any) -> None:
    family = Family(world)
    first = family.member(on(5, 60))
    family.member(on(3, 80), bill_cycle_day=15)
    family.member(on(3, 80), plans=(("plans/standard", SINCE),))
    assert (await world.checked(await world.run(), bill(first, 0))).verdict == PASS


async def test_a_family_that_is_not_told_of_is_no_reason_to_guess(world: Any) -> None:
    family = Family(world)
    first = family.member(on(5, 60))
    world.peers.profile.not_told.add(family.customer)
    [rejection] = (await world.check(await world.run(), bill(first, 0))).rejections
    assert rejection.field == "subscription"
    assert rejection.description.endswith("its bills depend on how others use minutes, which is shared")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _expected(world, first)
    assert error_from(caught.value).reason == "ERROR_REASON_NOT_CHECKABLE"


async def test_a_period_that_is_no_bill_cycle_is_refused(world: Any) -> None:
    first = Family(world).member(on(5, 60))
    odd = bill(first, 0)
    odd.billing_period.end_time.FromDatetime(END - timedelta(days=1))
    [rejection] = (await world.check(await world.run(), odd)).rejections
    assert rejection.field == "billing_period"
    assert rejection.description.endswith("as allowances are shared")


async def test_while_the_usage_of_others_cannot_be_asked_nothing_is_checked(world: Any) -> None:
    first = Family(world).member(on(5, 60))
    run = await world.run()
    world.peers.usage.breaks_off = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.check(run, bill(first, 0))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (await world.report(run)).bill_count == 0


async def _expected(world: Any, account: Account) -> Any:
    request = advice.GetExpectedBillRequest(subscription=account.name)
    request.cycle_time.FromDatetime(START + timedelta(days=3))
    stub: Any = BillAdviceServiceStub(world.service.channel())
    return await stub.GetExpectedBill(request)


async def test_the_expected_bill_counts_what_the_family_used(world: Any) -> None:
    family = Family(world)
    first, _ = family.member(on(5, 60)), family.member(on(3, 80))
    found = await _expected(world, first)
    assert (found.total, found.record_count) == (money(str(40 * RATE)), 1)
    [line] = [one for one in found.lines if one.charge_code == "voice.day"]
    assert any("which is shared" in step for step in line.derivation)


async def test_a_higher_bill_is_explained_where_the_family_left_less(world: Any) -> None:
    family = Family(world)
    first = family.member(on(5, 60), on(10, 60, month=1))
    family.member(on(3, 80), on(15, 80, month=1))
    run = await world.run()
    january = bill(replace(first, start=datetime(2026, 1, 1, tzinfo=ZONE), end=START), 0)
    await world.check(run, january)
    [outcome] = (await world.check(run, bill(first, 40))).outcomes
    assert outcome.verdict == PASS
    stub: Any = BillAdviceServiceStub(world.service.channel())
    found = await stub.ExplainBill(advice.ExplainBillRequest(bill_check=outcome.bill_check))
    assert found.difference == money(str(40 * RATE))
    assert [(part.kind, part.amount) for part in found.parts] == [
        (explanation_pb2.EXPLANATION_KIND_USAGE, money(str(40 * RATE)))
    ]
