"""What was used and spent, down to the derivation of every price?"""

import json
import os
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import grpc
import pytest
from forecast_samples import MEGABYTE, amount, at, call, consumption, data, record_all, sold
from google.protobuf import json_format
from limit_acts import cap, make_cap, roam, traveller
from limit_samples import TRIP
from usage_acts import make_policy, policy, summary
from usage_samples import MARCH_2, tariff_document
from usage_world import World

from cxmesh.usage.v1.consumption_pb2 import RatedUsage, UsageCounter
from cxmesh.usage.v1.consumption_service_pb2 import (
    GetUsageConsumptionReportRequest,
    ListCountersRequest,
    ListCountersResponse,
    ListRatedUsageRequest,
)
from cxmesh.usage.v1.usage_consumption_pb2 import UsageConsumptionReport
from mesh.rpc import error_from
from rating import Unrated
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.usage import StoredRecord
from usage_correlation.handlers.consumption.list_rated_usage import RatedRecord
from usage_correlation.server.consumption import rated_message

INVALID = grpc.StatusCode.INVALID_ARGUMENT
DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))


@pytest.fixture(scope="module", autouse=True)
def plans(world: World) -> None:
    world.catalogue.sell("standard", tariff_document("standard"))


async def rated(world: World, name: str, size: int = 1000, **cycle: object) -> list[RatedUsage]:
    """All records, page by page."""
    found: list[RatedUsage] = []
    token = ""
    while True:
        request = ListRatedUsageRequest(parent=f"subscriptions/{name}", page_size=size, page_token=token)
        if "cycle" in cycle:
            request.cycle_time.FromDatetime(cycle["cycle"])
        page = await consumption(world).ListRatedUsage(request)
        found += page.rated_usage
        token = page.next_page_token
        if not token:
            return found


async def counters(world: World, name: str) -> ListCountersResponse:
    return await consumption(world).ListCounters(ListCountersRequest(parent=f"subscriptions/{name}"))


def allowances(found: ListCountersResponse) -> dict[str, tuple[str, str]]:
    """Used and left by allowance."""
    return {
        each.allowance.allowance: (each.allowance.used, each.allowance.left)
        for each in found.counters
        if each.HasField("allowance")
    }


def spend(found: ListCountersResponse) -> UsageCounter:
    return next(each for each in found.counters if each.HasField("spend"))


async def test_every_record_has_its_price_and_how_it_follows(world: World) -> None:
    name = world.profile.hold("standard")
    await record_all(world, [call(name, 90, MARCH_2)])
    (found,) = await rated(world, name)
    (charge,) = found.charges
    assert found.plan == "plans/standard"
    assert found.exact_amount == "0.255"
    assert charge.charge_code == "voice.day"
    assert charge.portions[0].price == "17/6000"
    assert charge.explanation.endswith("= 0.255")
    assert Fraction(charge.portions[0].price) * charge.portions[0].increment_count == Fraction(found.exact_amount)


async def test_an_allowance_is_used_in_order_of_usage_whatever_the_order_of_arrival(world: World) -> None:
    plan = sold(world, "bundle", minutes=2)
    name = world.profile.hold(plan)
    later, earlier = call(name, 120, MARCH_2 + timedelta(hours=1)), call(name, 60, MARCH_2)
    await record_all(world, [later])
    await record_all(world, [earlier])
    first, second = await rated(world, name)
    assert [each.record.record_id for each in (first, second)] == [earlier.record_id, later.record_id]
    assert (first.exact_amount, first.charges[0].covers[0].quantity) == ("0", 60)
    assert (second.exact_amount, second.charges[0].covers[0].quantity) == ("0.2", 60)


async def test_what_records_cost_adds_up_to_the_summary(world: World) -> None:
    plan = sold(world, "bundle", minutes=5, megabytes=10)
    name = world.profile.hold(plan)
    await record_all(world, [call(name, 47 * number, MARCH_2 + timedelta(hours=number)) for number in range(1, 12)])
    await record_all(world, [data(name, 1.7 * number, MARCH_2 + timedelta(hours=number)) for number in range(1, 5)])
    found = await rated(world, name, size=4)
    by_line: dict[str, Fraction] = {}
    for charge in (charge for each in found for charge in each.charges):
        by_line[charge.charge_code] = by_line.get(charge.charge_code, Fraction(0)) + Fraction(charge.amount)
    told = await summary(world, name)
    assert {line.charge_code: amount(line.amount) for line in told.lines} == {
        line: Fraction(round(total * 100), 100) for line, total in by_line.items()
    }
    assert Fraction(spend(await counters(world, name)).spend.exact_spent) == sum(by_line.values())


async def test_each_plan_rates_what_began_under_it(world: World) -> None:
    first, second = sold(world, "one", minutes=1, voice="0.20"), sold(world, "two", minutes=1, voice="0.50")
    name = world.profile.hold(first)
    world.profile.change_plan(name, second, at(2026, 3, 10))
    await record_all(world, [call(name, 120, at(2026, 3, 9, 12)), call(name, 120, at(2026, 3, 11, 12))])
    found = await rated(world, name)
    assert [(each.plan, each.exact_amount) for each in found] == [
        (f"plans/{first}", "0.2"),
        (f"plans/{second}", "0.5"),
    ]
    plans_counted = {
        each.allowance.plan for each in (await counters(world, name)).counters if each.HasField("allowance")
    }
    assert plans_counted == {f"plans/{first}", f"plans/{second}"}


async def test_what_is_left_over_is_used_in_the_next_cycle(world: World) -> None:
    plan = sold(world, "roll", minutes=10, more=", rollover_cycles: 1")
    name = world.profile.hold(plan, activated=at(2026, 1, 1, 6))
    await record_all(world, [call(name, 240, at(2026, 2, 3, 12)), call(name, 420, MARCH_2)])
    told = (await counters(world, name)).counters
    talk = [each.allowance for each in told if each.HasField("allowance") and each.allowance.allowance == "talk"]
    assert [(each.is_rolled_over, each.amount, each.used) for each in talk] == [
        (True, "600", "420"),
        (False, "600", "0"),
    ]


async def test_a_family_uses_one_allowance(world: World) -> None:
    plan = sold(world, "family", minutes=3, more=", shared: true")
    mother, child = (world.profile.hold(plan) for _ in range(2))
    for name in (mother, child):
        world.profile.known[f"subscriptions/{name}"].customer = f"customers/c-{mother}"
    await record_all(world, [call(mother, 120, MARCH_2)])
    await record_all(world, [call(child, 120, MARCH_2 + timedelta(hours=1))])
    (found,) = await rated(world, child)
    assert (found.charges[0].covers[0].quantity, found.exact_amount) == (60, "0.2")
    assert allowances(await counters(world, mother))["talk"] == ("180", "0")


async def test_counters_tell_spending_policies_and_allowances(world: World) -> None:
    plan = sold(world, "bundle", minutes=1, megabytes=10)
    name = world.profile.hold(plan)
    limit = await make_policy(world, policy(1, (50, 100), subscription=f"subscriptions/{name}"))
    await record_all(world, [call(name, 300, MARCH_2), data(name, 4, MARCH_2)])
    found = await counters(world, name)
    (standing,) = [each for each in spend(found).spend.policies if each.spend_policy == f"spendPolicies/{limit}"]
    assert (spend(found).spend.exact_spent, standing.percent_reached) == ("0.8", 50)
    assert allowances(found) == {"talk": ("60", "0"), "surf": (str(4 * MEGABYTE), str(6 * MEGABYTE))}
    assert found.cycle_start_time.ToDatetime().isoformat() == "2026-03-01T05:00:00"


async def test_a_subscription_without_usage_has_counters_of_nothing(world: World) -> None:
    name = world.profile.hold(sold(world, "bundle"))
    found = await counters(world, name)
    assert (spend(found).spend.exact_spent, spend(found).spend.record_count) == ("0", 0)
    assert allowances(found)["talk"] == ("0", "3600")
    assert await rated(world, name) == []


def test_a_record_that_lost_its_price_says_so_without_its_destination() -> None:
    record = StoredRecord("msc-7", "r", "s", "voice", to_micros(MARCH_2), 60, "12125550100", "", "")
    error = Unrated("destination", "12125550100", "one that the tariff prices")
    message = rated_message(RatedRecord(record, "standard", "USD", error))
    assert message.unrated_reason == "no price at present, by its destination"
    assert not message.HasField("amount")


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("Europe/Vienna", 31, at(2026, 2, 28, 12)),
        ("America/New_York", 8, at(2026, 3, 8, 7)),  # clocks jump at 7:00 UTC that day
        ("Asia/Kathmandu", 15, at(2026, 3, 14, 18)),
    ],
)
async def test_a_cycle_holds_what_began_in_it(world: World, zone: str, day: int, moment: object) -> None:
    name = world.profile.hold("standard", day=day, zone=zone)
    await record_all(world, [call(name, 60, moment)])  # type: ignore[arg-type]  # datetimes
    found = await rated(world, name, cycle=moment)
    told = await summary(world, name, moment)  # type: ignore[arg-type]  # datetimes
    assert len(found) == 1
    assert told.lines[0].record_count == 1


@pytest.mark.parametrize(
    ("method", "request_", "status"),
    [
        ("ListRatedUsage", ListRatedUsageRequest(parent="subscriptions/nobody"), grpc.StatusCode.NOT_FOUND),
        ("ListRatedUsage", ListRatedUsageRequest(parent="nobody"), grpc.StatusCode.INVALID_ARGUMENT),
        (
            "ListRatedUsage",
            ListRatedUsageRequest(parent="subscriptions/x", page_size=-1),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            "ListRatedUsage",
            ListRatedUsageRequest(parent="subscriptions/x", page_token="?"),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        ("ListCounters", ListCountersRequest(parent="subscriptions/nobody"), grpc.StatusCode.NOT_FOUND),
        ("ListCounters", ListCountersRequest(), grpc.StatusCode.INVALID_ARGUMENT),
        (
            "GetUsageConsumptionReport",
            GetUsageConsumptionReportRequest(name="subscriptions/nobody/usageConsumptionReport"),
            grpc.StatusCode.NOT_FOUND,
        ),
        (
            "GetUsageConsumptionReport",
            GetUsageConsumptionReportRequest(name="subscriptions/nobody"),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
async def test_bad_requests_are_refused(world: World, method: str, request_: object, status: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(consumption(world), method)(request_)
    assert refused.value.code() is status


async def test_a_moment_without_a_plan_is_refused_with_the_field(world: World) -> None:
    name = world.profile.hold("standard", activated=at(2026, 3, 1, 12))
    request = ListCountersRequest(parent=f"subscriptions/{name}")
    request.cycle_time.FromDatetime(at(2025, 1, 1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await consumption(world).ListCounters(request)
    assert [each.field for each in error_from(refused.value).field_violations] == ["cycle_time"]


async def test_offers_see_counters_and_not_records(world: World) -> None:
    name = world.profile.hold("standard")
    offers = consumption(world, "service/offer-decision")
    await offers.ListCounters(ListCountersRequest(parent=f"subscriptions/{name}"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await offers.ListRatedUsage(ListRatedUsageRequest(parent=f"subscriptions/{name}"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_report_has_the_shape_of_tmf677(world: World) -> None:
    plan = sold(world, "bundle", minutes=1, megabytes=10)
    name = world.profile.hold(plan)
    await record_all(world, [call(name, 300, MARCH_2), data(name, 4, MARCH_2)])
    request = GetUsageConsumptionReportRequest(name=f"subscriptions/{name}/usageConsumptionReport")
    report = json_format.MessageToDict(await consumption(world).GetUsageConsumptionReport(request))
    assert report["@type"] == "UsageConsumptionReport"
    (spent,) = report["product"][0]["consumptionSummary"]
    assert (spent["counterType"], spent["value"]) == ("outOfBucket", {"amount": 0.8, "units": "USD"})
    talk, surf = report["bucket"]
    assert (talk["usageType"], talk["remainingValue"]) == ("voice", {"amount": 0.0, "units": "second"})
    assert (surf["isShared"], surf["bucketCounter"][0]["value"]) == (False, {"amount": 4e6, "units": "byte"})
    assert spent["consumptionPeriod"]["startDateTime"] == "2026-03-01T05:00:00Z"


def test_every_published_report_can_be_said_in_our_messages() -> None:
    path = DATA / "tmf" / "TMF677_v5.1.0_examples.json"
    if not path.exists():
        pytest.skip("the published examples of TMF677 are not here")
    reports = list(_reports(json.loads(path.read_text())))
    assert len(reports) >= 5
    for report in reports:
        message = json_format.ParseDict(report, UsageConsumptionReport())
        assert json_format.MessageToDict(message) == report


def _reports(value: object) -> list[dict[str, object]]:
    """Every report anywhere in the examples."""
    if isinstance(value, list):
        return [report for each in value for report in _reports(each)]
    if not isinstance(value, dict):
        return []
    if value.get("@type") == "UsageConsumptionReport" and "bucket" in value and "product" in value:
        return [value]
    return [report for each in value.values() for report in _reports(each)]


async def test_what_a_limit_kept_from_being_charged_is_shown_and_the_sums_are_those_of_the_summary(
    world: World,
) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 1, 3, 2.5, 4)
    found = await rated(world, name)
    assert [each.exact_amount for each in found] == ["2", "6", "5", "8"]
    assert [each.exact_charged_amount for each in found] == ["2", "6", "2", "0"]
    assert [[(part.exact_amount, part.limit_policy) for part in each.uncharged] for each in found] == [
        [],
        [],
        [("3", f"limitPolicies/{made}")],
        [("8", f"limitPolicies/{made}")],
    ]
    assert {part.charge_code for each in found for part in each.uncharged} == {found[0].charges[0].charge_code}
    charged = sum(Fraction(each.exact_charged_amount) for each in found)
    lines = (await summary(world, name, TRIP)).lines
    assert sum(line.amount.units for line in lines) == charged == 10
    assert spend(await counters(world, name)).spend.exact_spent == "10"
