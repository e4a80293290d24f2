"""Tariffs, records and calls that the tests of consumption, projections and plan advice share."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from google.type.money_pb2 import Money
from usage_samples import ABROAD, DOMESTIC, fresh, usage_record
from usage_world import World

from cxmesh.usage.v1.consumption_service_pb2_grpc import ConsumptionServiceStub
from cxmesh.usage.v1.plan_advice_service_pb2_grpc import PlanAdviceServiceStub
from cxmesh.usage.v1.projection_service_pb2_grpc import ProjectionServiceStub
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest

MEGABYTE = 10**6

BUNDLE = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: {currency}
time_zone: America/New_York
home_networks: ["310"]
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "{since}"
    roaming_zones:
      - {{id: neighbours, networks: ["302", "334"]}}
      - {{id: dear, networks: ["30237"]}}
    rates:
      - {{line: voice, service: voice, price: "{voice}", per: minute, increment: 60}}
      - {{line: data, service: data, price: "{data}", per: megabyte}}
      - {{line: roaming.voice, service: voice, roaming: neighbours, price: "1.00", per: minute}}
      - {{line: roaming.data, service: data, roaming: neighbours, price: "{roaming}", per: megabyte}}
      - {{line: roaming.data, service: data, roaming: dear, price: "5.00", per: megabyte}}
    allowances:
      - {{id: talk, name: Talk, unit: minute, amount: "{minutes}", covers: [{{line: voice}}]{more}}}
      - {{id: surf, name: Surf, unit: megabyte, amount: "{megabytes}", covers: [{{line: data}}]}}
    recurring:
      - {{line: monthly, name: Monthly charge, amount: "{monthly}", proration: by_day}}
"""

PACK = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: USD
time_zone: America/New_York
fallback: {base}
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "2020-01-01"
    roaming_zones: [{{id: neighbours, networks: ["302", "334"]}}]
    rates:
      - {{line: pack.data, service: data, roaming: neighbours, price: "0.10", per: megabyte}}
    allowances:
      - {{id: pack, name: Roaming pack, unit: megabyte, amount: "{megabytes}", covers: [{{line: pack.data}}]}}
    recurring:
      - {{line: pack, name: Roaming pack, amount: "{monthly}"}}
"""


def bundle(
    plan: str,
    *,
    voice: str = "0.20",
    data: str = "0.10",
    roaming: str = "2.00",
    minutes: int = 60,
    megabytes: int = 100,
    monthly: str = "10.00",
    currency: str = "USD",
    since: str = "2020-01-01",
    more: str = "",
) -> str:
    """A tariff with allowances of minutes and megabytes, and roaming in Canada and Mexico; `more` of its minutes."""
    return BUNDLE.format(
        id=plan, voice=voice, data=data, roaming=roaming, minutes=minutes, megabytes=megabytes, monthly=monthly,
        currency=currency, since=since, more=more,
    )  # fmt: skip


def pack(plan: str, base: str, *, megabytes: int = 50, monthly: str = "5.00") -> str:
    """A pack of roaming data for the holders of a plan."""
    return PACK.format(id=plan, base=base, megabytes=megabytes, monthly=monthly)


def data(name: str, megabytes: float, start: datetime, network: str = "") -> UsageRecord:
    """A session of data."""
    quantity = int(megabytes * MEGABYTE)
    return usage_record(
        name, quantity, start=start, usage_type=USAGE_TYPE_DATA, destination="", visited_network=network
    )


def call(name: str, seconds: int, start: datetime, *, abroad: bool = False) -> UsageRecord:
    """A call."""
    return usage_record(name, seconds, start=start, destination=ABROAD if abroad else DOMESTIC)


async def record_all(world: World, records: Iterable[UsageRecord]) -> None:
    """Send records; each must be taken."""
    rows = list(records)
    for first in range(0, len(rows), 1000):
        part = rows[first : first + 1000]
        answer = await world.stub().RecordUsage(RecordUsageRequest(records=part))
        assert answer.accepted_count == len(part), answer.rejections


def daily(start: datetime, days: int, hour: int = 15) -> list[datetime]:
    """A moment on each of so many days."""
    return [start + timedelta(days=number, hours=hour) for number in range(days)]


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """A moment in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def sold(world: World, prefix: str, **terms: object) -> str:
    """A new plan in the catalogue."""
    plan = fresh(prefix)
    return world.catalogue.sell(plan, bundle(plan, **terms))  # type: ignore[arg-type]  # terms by name


def amount(money: Money) -> Fraction:
    """Exactly what a Money says."""
    return Fraction(money.units) + Fraction(money.nanos, 10**9)


def consumption(world: World, as_: str = "service/operator") -> ConsumptionServiceStub:
    return ConsumptionServiceStub(world.service.channel(as_))


def projections(world: World, as_: str = "service/operator") -> ProjectionServiceStub:
    return ProjectionServiceStub(world.service.channel(as_))


def advice(world: World, as_: str = "service/operator") -> PlanAdviceServiceStub:
    return PlanAdviceServiceStub(world.service.channel(as_))
