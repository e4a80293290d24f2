"""Plans that charge a percentage, and records with prices of their own, that the tests share."""

from datetime import datetime

from google.type.money_pb2 import Money
from usage_samples import MARCH_2, fresh, usage_record
from usage_world import World

from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_CONTENT, UsageRecord

SHARE = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: {currency}
time_zone: America/New_York
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "2020-01-01"
    rates:
      - {{line: calls, service: voice, price: "0.10", per: minute}}
      - {{line: content, service: content{free}, percentage: "{percentage}"}}
    allowances: [{allowances}]
"""
MINUTES = '{id: minutes, name: Minutes, unit: minute, amount: "10", covers: [{line: calls}], shared: true}'


def share(plan: str, percentage: str = "25", *, currency: str = "USD", free: int = 0, allowances: str = "") -> str:
    """A tariff that charges a percentage of content; the first `free` items of a cycle cost nothing."""
    items = f", free_records: {free}" if free else ""
    return SHARE.format(id=plan, percentage=percentage, currency=currency, free=items, allowances=allowances)


def sell_share(world: World, percentage: str = "25", *, currency: str = "USD", free: int = 0) -> str:
    """A new plan in the catalogue."""
    plan = fresh("share")
    return world.catalogue.sell(plan, share(plan, percentage, currency=currency, free=free))


def content(
    name: str, units: int = 4, nanos: int = 990_000_000, *, currency: str = "USD", start: datetime = MARCH_2
) -> UsageRecord:
    """A film for 4.99 dollars, unless said otherwise."""
    record = usage_record(name, 1, start=start, usage_type=USAGE_TYPE_CONTENT, destination="film")
    record.value.CopyFrom(Money(currency_code=currency, units=units, nanos=nanos))
    return record
