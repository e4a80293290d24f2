"""How do a bill cycle's counters look as a usage consumption report of TMF677?"""

from fractions import Fraction
from typing import Final

from cxmesh.usage.v1 import usage_consumption_pb2 as tmf
from usage_correlation.handlers.consumption.count_usage import AllowanceCount, SpendCount, UsageCounts
from usage_correlation.server.consumption import exact_text
from usage_correlation.server.wire import CUSTOMERS, PLANS, SUBSCRIPTIONS, timestamp

_OUT_OF_BUCKET: Final = "outOfBucket"
_USED: Final = "used"
_GLOBAL: Final = "global"


def report_message(counts: UsageCounts) -> tmf.UsageConsumptionReport:
    """The report: the plan with what was spent, and a bucket for each allowance."""
    name = f"{SUBSCRIPTIONS}{counts.subscription}"
    latest = counts.cycle.start_micros if counts.latest_micros is None else counts.latest_micros
    return tmf.UsageConsumptionReport(
        id=f"{counts.subscription}:{counts.cycle.start:%Y-%m-%d}",
        href=f"{name}/usageConsumptionReport",
        name=f"Usage consumption of {counts.subscription}",
        description=f"Bill cycle from {counts.cycle.start.isoformat()} to {counts.cycle.end.isoformat()}",
        creation_date=timestamp(counts.now),
        last_update=timestamp(latest),
        effective_date=timestamp(min(counts.now, counts.cycle.end)),
        product=[_product(counts)],
        bucket=[_bucket(counts, each) for each in counts.allowances],
        related_party=[_customer(counts)],
        at_type="UsageConsumptionReport",
    )


def _product(counts: UsageCounts) -> tmf.UsageConsumptionProduct:
    return tmf.UsageConsumptionProduct(
        id=counts.subscription,
        href=f"{SUBSCRIPTIONS}{counts.subscription}",
        name=f"{PLANS}{counts.plan}",
        consumption_summary=[_spent(counts, each) for each in counts.spend],
        at_type="UsageConsumptionProductRef",
    )


def _spent(counts: UsageCounts, spend: SpendCount) -> tmf.ConsumptionSummary:
    return tmf.ConsumptionSummary(
        counter_type=_OUT_OF_BUCKET,
        level=_GLOBAL,
        value=_quantity(spend.spent, spend.currency),
        value_name=f"{exact_text(spend.spent)} {spend.currency}",
        consumption_period=_so_far(counts),
        at_type="ConsumptionSummary",
    )


def _bucket(counts: UsageCounts, count: AllowanceCount) -> tmf.ConsumptionBucket:
    bucket = count.bucket
    rolled = f":{bucket.valid_from:%Y-%m-%d}:{bucket.rollover_cycles}" if count.rolled_over else ""
    return tmf.ConsumptionBucket(
        id=f"{count.plan}:{bucket.allowance}{rolled}",
        name=count.name,
        is_shared=count.shared,
        usage_type=",".join(count.services),
        remaining_value=_quantity(bucket.left, count.unit),
        remaining_value_name=f"{exact_text(bucket.left)} {count.unit}",
        valid_for=tmf.ConsumptionPeriod(
            start_date_time=timestamp(bucket.valid_from), end_date_time=timestamp(bucket.valid_until)
        ),
        bucket_counter=[
            tmf.ConsumptionSummary(
                counter_type=_USED,
                level=_GLOBAL,
                value=_quantity(bucket.used, count.unit),
                value_name=f"{exact_text(bucket.used)} {count.unit}",
                consumption_period=_so_far(counts),
                at_type="ConsumptionSummary",
            )
        ],
        product=[
            tmf.ProductRef(
                id=counts.subscription,
                href=f"{SUBSCRIPTIONS}{counts.subscription}",
                name=f"{PLANS}{count.plan}",
                at_type="ProductRef",
            )
        ],
        related_party=[_customer(counts)],
        at_type="Bucket",
    )


def _quantity(amount: Fraction, units: str) -> tmf.ConsumptionQuantity:
    return tmf.ConsumptionQuantity(amount=float(amount), units=units)


def _so_far(counts: UsageCounts) -> tmf.ConsumptionPeriod:
    """The cycle as far as it has come."""
    return tmf.ConsumptionPeriod(
        start_date_time=timestamp(counts.cycle.start),
        end_date_time=timestamp(max(min(counts.now, counts.cycle.end), counts.cycle.start)),
    )


def _customer(counts: UsageCounts) -> tmf.RelatedPartyRole:
    return tmf.RelatedPartyRole(
        role="Customer",
        party_or_party_role=tmf.PartyRef(
            id=counts.customer,
            href=f"{CUSTOMERS}{counts.customer}",
            at_type="PartyRoleRef",
            at_referred_type="Customer",
        ),
        at_type="RelatedPartyRefOrPartyRoleRef",
    )
