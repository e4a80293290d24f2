"""Tariffs, subscriptions and records that the tests share."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_VOICE, UsageRecord, UsageType
from rating import SERVICE_CODES, Service
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.subscribers import PlanPeriod, Subscriber, Subscription
from usage_correlation.domain.usage import UsageBatch

MARCH_2 = datetime(2026, 3, 2, 15, tzinfo=UTC)
"""A Monday, ten in the morning in New York: day rate."""
DOMESTIC = "12125550100"
ABROAD = "431234567"

TARIFF = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: {currency}
time_zone: America/New_York
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "{since}"
    schedules:
      - id: clock
        bands:
          - {{band: day, from: "08:00", to: "17:00"}}
          - {{band: evening, from: "17:00", to: "22:00"}}
          - {{band: night, from: "22:00", to: "24:00"}}
          - {{band: night, from: "00:00", to: "08:00"}}
    zones:
      - {{id: domestic, prefixes: ["1"]}}
      - {{id: international, default: true}}
    rates:
      - {{line: voice.day, service: voice, zone: domestic, band: day, price: "{day}", per: minute}}
      - {{line: voice.evening, service: voice, zone: domestic, band: evening, price: "0.085", per: minute}}
      - {{line: voice.night, service: voice, zone: domestic, band: night, price: "0.045", per: minute}}
      - {{line: voice.international, service: voice, zone: international, price: "0.27", per: minute}}
    recurring:
      - {{line: monthly, name: Monthly charge, amount: "{monthly}"}}
"""


def tariff_document(
    plan: str, day: str = "0.17", monthly: str = "0.00", currency: str = "USD", since: str = "2020-01-01"
) -> str:
    """A tariff as the demo's: prices by band on the cycle's total, rounded to cents a line."""
    return TARIFF.format(id=plan, day=day, monthly=monthly, currency=currency, since=since)


_numbers = count(1)


def fresh(prefix: str) -> str:
    """An id that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def usage_record(
    subscription: str,
    seconds: int = 60,
    *,
    start: datetime = MARCH_2,
    record_id: str | None = None,
    source: str = "msc-7",
    usage_type: UsageType.ValueType = USAGE_TYPE_VOICE,
    destination: str = DOMESTIC,
    visited_network: str = "",
    location_id: str = "",
) -> UsageRecord:
    """A call of a minute by day, unless said otherwise."""
    record = UsageRecord(
        source=source,
        record_id=fresh("r") if record_id is None else record_id,
        subscription=f"subscriptions/{subscription}",
        usage_type=usage_type,
        quantity=seconds,
        destination=destination,
        visited_network=visited_network,
        location_id=location_id,
    )
    record.start_time.FromDatetime(start)
    return record


def subscriber(name: str = "s-1", plan: str = "standard", **changes: object) -> Subscriber:
    """A subscription of the domain, active since 2020."""
    activated = to_micros(datetime(2020, 1, 1, tzinfo=UTC))
    values: dict[str, object] = {
        "id": name,
        "customer": f"c-{name}",
        "plan_periods": (PlanPeriod(plan, activated, None),),
        "bill_cycle_day": 1,
        "zone": ZoneInfo("America/New_York"),
        "activate_micros": activated,
    }
    return Subscriber(Subscription(**(values | changes)), int(name.rpartition("-")[2]), shard_of(name), ())  # type: ignore[arg-type]  # fields by name


def usage_batch(*rows: tuple[str, datetime, int], destination: str = DOMESTIC) -> UsageBatch:
    """Calls as (subscription, start, seconds), with ids r0, r1 and so on."""
    size = len(rows)
    return UsageBatch(
        positions=list(range(size)),
        sources=["msc-7"] * size,
        record_ids=[f"r{row}" for row in range(size)],
        subscriptions=[name for name, _, _ in rows],
        services=[SERVICE_CODES[Service.VOICE]] * size,
        starts=[to_micros(start) for _, start, _ in rows],
        quantities=[seconds for _, _, seconds in rows],
        destinations=[destination] * size,
        visited_networks=[""] * size,
        location_ids=[""] * size,
    )


def minutes(number: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)
