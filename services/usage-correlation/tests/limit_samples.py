"""Policies, tariffs and usage abroad that the tests of limits share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from rating import SERVICE_CODES, Service, Tariff, UsageColumns, load_tariff, rate_lines
from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.metering import MeteredRecord, metered
from usage_correlation.domain.limits.policies import (
    Action,
    LimitPolicy,
    LimitScope,
    LimitTerms,
    Period,
    Place,
    TaxBasis,
)
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.rated import PlanUsage

MARCH = BillCycle(to_micros(datetime(2026, 3, 1, tzinfo=UTC)), to_micros(datetime(2026, 4, 1, tzinfo=UTC)))
TRIP = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOME, FRANCE, SWITZERLAND = "26201", "20801", "22801"
MEGABYTE = 1_000_000
MICROS_A_SECOND = 1_000_000
ABROAD = LimitScope(services=(Service.DATA,), place=Place.ROAMING)

EUROS = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: EUR
time_zone: Europe/Berlin
home_networks: ["262"]
versions:
  - from: "2020-01-01"
    zones: [{{id: anywhere, default: true}}]
    roaming_zones:
      - {{id: eu, networks: ["208", "222"]}}
      - {{id: world, default: true}}
    rates:
      - {{line: data.home, service: data, price: "0.01", per: megabyte}}
      - {{line: data.eu, service: data, roaming: eu, price: "2.00", per: megabyte}}
      - {{line: data.world, service: data, roaming: world, price: "10.00", per: megabyte}}
      - {{line: voice.home, service: voice, price: "0.10", per: minute}}
      - {{line: voice.eu, service: voice, roaming: eu, price: "0.30", per: minute}}
{more}
"""
VAT_ADDED = '    taxes: [{id: vat, name: VAT, percent: "20"}]'
VAT_CONTAINED = '    taxes: [{id: vat, name: VAT, percent: "25", included: true}]'


def euro_document(plan: str = "roamer", more: str = "") -> str:
    """EUR 2 a megabyte in the EU, 10 elsewhere."""
    return EUROS.format(id=plan, more=more)


def terms(**changes: Any) -> LimitTerms:
    """EUR 50 of data abroad in a bill cycle, notified at 80 %; any field can be given, amounts in euros as `limit`."""
    usual: dict[str, Any] = {
        "display_name": "Data abroad",
        "scope": ABROAD,
        "limit_nanos": 50 * NANOS,
        "currency": "EUR",
        "tax_basis": TaxBasis.EXCLUDED,
        "period": Period.BILL_CYCLE,
        "action": Action.STOP,
        "notice_percents": (80,),
        "further_limits_nanos": (100 * NANOS,),
        "opt_out_allowed": True,
    }
    return LimitTerms(**usual | changes)


def limit_policy(policy_id: str = "abroad", **changes: Any) -> LimitPolicy:
    """One with these terms."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return LimitPolicy(policy_id, terms(**changes), 1, now, now)


def plan_usage(
    rows: Sequence[tuple[Service, datetime, int, str]],
    *,
    more: str = "",
    account: int = 0,
    tariff: Tariff | None = None,
) -> PlanUsage:
    """Usage of one account as (service, start, quantity, visited network)."""
    read = tariff or load_tariff(euro_document(more=more))
    columns = UsageColumns.of(
        service=np.array([SERVICE_CODES[service] for service, *_ in rows], np.uint8),
        start=[start for _, start, _, _ in rows],
        quantity=[quantity for _, _, quantity, _ in rows],
        destination="",
        visited_network=[network for *_, network in rows],
    )
    accounts = np.full(len(rows), account, np.int64)
    return PlanUsage("roamer", read, np.arange(len(rows)), columns, accounts, rate_lines(columns, read, accounts))


def metered_alone(usage: PlanUsage, *policies: LimitPolicy) -> list[MeteredRecord]:
    """The records that count towards the policies."""
    starts = [int(start) * MICROS_A_SECOND for start in usage.columns.start]
    return metered([usage], starts, {policy.terms.scope for policy in policies}, lambda _: policies)


def data(megabytes: int, *, minutes: int = 0, network: str = FRANCE) -> tuple[Service, datetime, int, str]:
    """So many megabytes, so many minutes into the trip; EUR 2 each in France."""
    return Service.DATA, TRIP + timedelta(minutes=minutes), megabytes * MEGABYTE, network


def euros(amount: int | str) -> Fraction:
    """Exact."""
    return Fraction(amount)
