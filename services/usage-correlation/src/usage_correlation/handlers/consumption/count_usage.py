"""What was spent in a bill cycle, and what do allowances hold?"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from rating import MONEY, SERVICES, Bucket, Service, Tariff
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.policies import SpendPolicy, policies_for
from usage_correlation.handlers.consumption.rate_usage import RatedUsage, RateUsage
from usage_correlation.handlers.directory import Directory


@dataclass(frozen=True, slots=True)
class SpendCount:
    """What was spent on usage in one currency."""

    currency: str
    spent: Fraction
    """Before lines are rounded, recurring charges apart."""
    records: int
    policies: tuple[tuple[SpendPolicy, int], ...]
    """Those that apply, each with the highest percentage reached."""


@dataclass(frozen=True, slots=True)
class AllowanceCount:
    """One bucket of an allowance."""

    plan: str
    bucket: Bucket
    name: str
    unit: str
    """A base unit, or the currency."""
    shared: bool
    services: tuple[Service, ...]
    """What it covers."""

    @property
    def rolled_over(self) -> bool:
        """Whether it was left over from an earlier cycle."""
        return not self.bucket.is_extended


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """All counters of a bill cycle."""

    subscription: str
    customer: str
    plan: str
    """In force now, or last in the cycle."""
    cycle: BillCycle
    spend: tuple[SpendCount, ...]
    """By currency."""
    allowances: tuple[AllowanceCount, ...]
    """Of every plan held so far, in order of use."""
    latest_micros: int | None
    """When the latest record began."""
    now: datetime


class CountUsage:
    """Counts what the records come to."""

    def __init__(self, directory: Directory, rate: RateUsage) -> None:
        self._directory = directory
        self._rate = rate

    async def __call__(self, subscription_id: str, cycle_micros: int | None, now: datetime) -> UsageCounts:
        """The counters of the cycle around a moment, now by default. Raises what RateUsage raises."""
        found = await self._rate(subscription_id, cycle_micros)
        parts = found.rated.stretches
        plan = parts[-1].stretch.plan if parts else found.stretches[0].plan
        policies = policies_for(plan, found.subscriber.policies, self._directory.general_policies)
        currencies = sorted({tariff.currency for tariff in found.tariffs.values()})
        history = found.rated.history
        return UsageCounts(
            subscription=subscription_id,
            customer=found.subscription.customer,
            plan=plan,
            cycle=found.rated.cycle,
            spend=tuple(_spent(found, currency, policies) for currency in currencies),
            allowances=tuple(
                _allowance(part.stretch.plan, part.tariff, bucket)
                for part in parts
                for bucket in part.account.buckets
                if to_micros(bucket.valid_until) > part.stretch.start_micros
            ),
            latest_micros=int(history.start_micros[-1]) if len(history) else None,
            now=now,
        )


def _spent(found: RatedUsage, currency: str, policies: list[SpendPolicy]) -> SpendCount:
    spent = found.rated.spent(currency)
    amount = Amount(spent.numerator, spent.denominator)
    records = sum(part.count for part in found.rated.stretches if part.tariff.currency == currency)
    mine = [policy for policy in policies if policy.terms.currency == currency]
    return SpendCount(currency, spent, records, tuple((policy, policy.percent_reached(amount)) for policy in mine))


def _allowance(plan: str, tariff: Tariff, bucket: Bucket) -> AllowanceCount:
    versions = tariff.versions
    found = [each for version in versions for each in version.allowances if each.id == bucket.allowance]
    if not found:  # carried over from another plan, and of no use under this one
        return AllowanceCount(plan, bucket, bucket.allowance, "", bool(bucket.owner), ())
    allowance = found[-1]
    lines = {covered.line for covered in allowance.covers}
    services = {rate.service for version in versions for rate in version.rates if rate.line in lines}
    unit = tariff.currency if allowance.unit == MONEY else allowance.unit
    ordered = tuple(service for service in SERVICES if service in services)
    return AllowanceCount(plan, bucket, allowance.name, unit, allowance.shared, ordered)
