"""The plans and rating groups under which the charging tests charge."""

from datetime import timedelta

CHARGED = "charged"
INCLUDED = "included"

CHARGED_TARIFF = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: USD
time_zone: America/New_York
home_networks: ["310"]
rounding: {{line: {{method: half_up, decimals: 2}}}}
versions:
  - from: "2020-01-01"
    zones:
      - {{id: national, prefixes: ["1"]}}
      - {{id: music, names: ["music"]}}
      - {{id: incoming, names: ["incoming"]}}
      - {{id: elsewhere, default: true}}
    roaming_zones:
      - {{id: eu, networks: ["262", "208"]}}
    rates:
      - {{line: data, service: data, price: "0.10", per: megabyte, increment: kilobyte}}
      - {{line: data.eu, service: data, roaming: eu, price: "1.00", per: megabyte, increment: kilobyte}}
      - {{line: music, service: content, zone: music, price: "0.99", per: event}}
      - {{line: sms, service: sms, zone: national, price: "0.20", per: message}}
      - {{line: voice, service: voice, zone: national, price: "0.60", per: minute, increment: minute}}
      - {{line: voice.incoming, service: voice, zone: incoming, price: "0", per: minute}}
{allowances}
"""
ALLOWANCES = """
    allowances:
      - {id: included, name: Included, unit: byte, amount: "20000000", covers: [{line: data}]}
"""


def charged_tariff(plan: str, allowances: str = "") -> str:
    """Ten cents a megabyte at home, a dollar abroad, twenty cents a message, sixty cents a minute."""
    return CHARGED_TARIFF.format(id=plan, allowances=allowances)


RATING_GROUPS = """
format: cxmesh-rating-groups/1
rating_groups:
  - {rating_group: 10, service: data, usual_grant: 5000000}
  - {rating_group: 20, service: content, destination: music}
  - {rating_group: 30, service: data, quota: false}
  - {rating_group: 40, service: iptv}
"""
VALIDITY = timedelta(seconds=1800)
PATIENCE = timedelta(seconds=300)
