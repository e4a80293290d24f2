"""Plans with allowances and free records that the tests share."""

from datetime import UTC, datetime, timedelta

from usage_samples import fresh
from usage_world import World

BUNDLE = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: USD
time_zone: America/New_York
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "2020-01-01"
    zones:
      - {{id: domestic, prefixes: ["1"]}}
      - {{id: abroad, default: true}}
    rates:
      - {{line: calls, service: voice, zone: domestic, price: "0.10", per: minute}}
      - {{line: abroad, service: voice, zone: abroad, price: "0.50", per: minute}}
      - {{line: texts, service: sms, free_records: 2, price: "0.05", per: 1}}
      - {{line: data, service: data, price: {data}, per: megabyte}}
    allowances:
      - id: minutes
        name: Minutes
        unit: minute
        amount: "10"
        covers: [{{line: calls}}, {{line: abroad, factor: "2"}}]
{more}
"""
MARCH = datetime(2026, 3, 1, 5, tzinfo=UTC)


def sell(world: World, more: str = "", data: str = '"0.02"') -> str:
    plan = fresh("bundle")
    return world.catalogue.sell(plan, bundle(plan, more, data))


def bundle(plan: str, more: str = "", data: str = '"0.02"') -> str:
    """Ten minutes at home, or five abroad, then prices; two messages free. `more`: keys of the allowance."""
    keys = "".join(f"        {key.strip()}\n" for key in more.split(",") if key.strip())
    return BUNDLE.format(id=plan, more=keys.rstrip(), data=data)


def at(hours: float) -> datetime:
    return MARCH + timedelta(hours=hours)
