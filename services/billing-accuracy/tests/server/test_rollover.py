"""Is what is left of earlier cycles' allowances counted, and a tariff's fallback asked for prices?"""

import uuid
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
import yaml
from billing_messages import bill_message, money
from billing_samples import END, START, Account, Call, tariff_document, usage_line

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2

ZONE = ZoneInfo("America/New_York")
NOON = timedelta(hours=12)
PASS = bill_check_pb2.VERDICT_PASS


def rolling(cycles: int, **more: object) -> str:
    """100 minutes by day, whose rest is kept for so many cycles more."""
    document = yaml.safe_load(tariff_document("rolling"))
    allowance = {
        "id": "minutes",
        "name": "Minutes",
        "unit": "minute",
        "amount": "100",
        "covers": [{"line": "voice.day"}],
    }
    document["versions"][0]["allowances"] = [{**allowance, "rollover_cycles": cycles, **more}]
    return yaml.safe_dump(document, sort_keys=False)


def call(month: int, minutes: int) -> Call:
    """At noon on the tenth, in the year before or the same."""
    year = 2026 if month < 6 else 2025
    return Call(datetime(year, month, 10, 12, tzinfo=ZONE) - START, minutes * 60)


def account(world, plan: str, since: datetime, *calls: Call) -> Account:
    return world.account(plan, calls=calls, plans=((plan, since),))


def sold(world, document: str) -> str:
    plan = f"plans/rolling-{uuid.uuid4().hex[:8]}"
    world.peers.catalogue.sell(plan, document)
    return plan


@pytest.mark.parametrize("cycles", [1, 2])
async def test_what_is_left_of_all_cycles_since_the_plan_was_taken_counts(world, cycles: int) -> None:
    # December leaves 60 of 100 minutes. January takes these first and 70 of its own, and leaves 30 of them.
    calls = call(12, 40), call(1, 130), call(2, 200)
    one = account(world, sold(world, rolling(cycles)), datetime(2025, 12, 1, tzinfo=ZONE), *calls)
    amount = (200 - 130) * Fraction("0.17")
    right = one.bill(usage_line("voice.day", str(amount), records=1, quantity=12_000))
    check = await world.checked(await world.run(), bill_message(right))
    assert (check.verdict, check.record_count) == (PASS, 1)


@pytest.mark.parametrize(("cycles", "covered"), [(1, 200), (2, 250)])
async def test_it_is_kept_for_as_many_cycles_as_the_tariff_says(world, cycles: int, covered: int) -> None:
    # December leaves 60, of which January takes ten; its own hundred are left whole.
    calls = call(12, 40), call(1, 10), call(2, 300)
    one = account(world, sold(world, rolling(cycles)), datetime(2025, 12, 1, tzinfo=ZONE), *calls)
    check = await world.checked(await world.run(), bill_message(one.bill(usage_line("voice.day", "1"))))
    assert check.expected_total == money((300 - covered) * Fraction("0.17"))


async def test_a_plan_that_was_taken_within_a_cycle_has_a_shorter_past(world) -> None:
    since = datetime(2026, 1, 20, tzinfo=ZONE)
    one = account(world, sold(world, rolling(1)), since, Call(since - START + NOON, 30 * 60), call(2, 200))
    right = one.bill(usage_line("voice.day", str(30 * Fraction("0.17")), records=1, quantity=12_000))
    check = await world.checked(await world.run(), bill_message(right))
    assert check.verdict == PASS


async def test_a_bill_without_what_is_left_says_so(world) -> None:
    calls = call(12, 40), call(1, 130), call(2, 200)
    one = account(world, sold(world, rolling(1)), datetime(2025, 12, 1, tzinfo=ZONE), *calls)
    wrong = one.bill(usage_line("voice.day", "17.00", records=1, quantity=12_000))
    check = await world.checked(await world.run(), bill_message(wrong))
    [finding] = check.findings
    assert finding.finding_class == bill_pb2.FINDING_CLASS_ALLOWANCE
    assert finding.cause == "without what was left of the allowances of earlier periods"


async def test_a_period_that_is_no_bill_cycle_is_refused(world) -> None:
    one = account(world, sold(world, rolling(1)), datetime(2025, 12, 1, tzinfo=ZONE), call(2, 10))
    bill = bill_message(one.right_bill() if one.plans[0][0] in one.tariffs else one.bill(usage_line("voice.day", "0")))
    bill.billing_period.end_time.FromDatetime(END - timedelta(days=1))
    [rejection] = (await world.check(await world.run(), bill)).rejections
    assert rejection.field == "billing_period"
    assert "expected the bill cycle" in rejection.description


async def test_usage_without_a_price_is_priced_by_the_fallback(world) -> None:
    fallback = f"world-{uuid.uuid4().hex[:8]}"
    world.peers.catalogue.sell(f"plans/{fallback}", tariff_document(fallback, prices=("2", "2", "2", "2")))
    local = yaml.safe_load(tariff_document("local"))
    local["fallback"] = fallback
    local["versions"][0]["rates"] = local["versions"][0]["rates"][:3]
    one = account(
        world,
        sold(world, yaml.safe_dump(local, sort_keys=False)),
        START - timedelta(days=90),
        Call(NOON, 600),
        Call(NOON + timedelta(days=1), 60, "442071838750"),
    )
    lines = usage_line("voice.day", "1.70"), usage_line("voice.international", "2.00")
    check = await world.checked(await world.run(), bill_message(one.bill(*lines)))
    assert (check.verdict, check.record_count) == (PASS, 2)
