"""Which thresholds of allowances does a batch reach, and by which record?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import numpy as np

from rating import SERVICES, Bucket, Tariff, UsageRecord, nearest_micros, rate_for
from usage_correlation.domain.allowance_policies import Reached, applying_to, reached, uses_of
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.signals import (
    MAX_EVIDENCE,
    AllowanceThresholdCrossed,
    Signal,
    SignalKind,
    signal_id,
)
from usage_correlation.domain.usage import RecordKey
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter, MeteredAccount
from usage_correlation.handlers.ports import Clock


@dataclass(frozen=True, slots=True)
class _Found:
    """A threshold reached by an account."""

    account: int
    plan: str
    unit: str
    reached: Reached


class SignalAllowances:
    """The reaction that signals each threshold of an allowance newly reached, once in a bill cycle."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:  # noqa: ARG002 - the port's parameter
        """Spending is no matter of allowances."""
        return {}

    async def __call__(
        self,
        writer: LedgerWriter,
        arrival: Arrival,
        spendings: Sequence[Spending],  # noqa: ARG002 - the port's parameter
    ) -> Sequence[tuple[Account, Signal]]:
        """A signal for each threshold."""
        found = self._found(arrival)
        if not found:
            return []
        rows = [_deciding(arrival, each) for each in found]
        evidence = await _evidence(writer, arrival, found, rows)
        now = self._clock.now()
        return [
            (arrival.accounts[each.account], _signal(arrival, each, row, keys, now))
            for each, row, keys in zip(found, rows, evidence, strict=True)
        ]

    def _found(self, arrival: Arrival) -> list[_Found]:
        general = self._directory.allowance_policies
        found: list[_Found] = []
        shared_by: set[tuple[str, str, str]] = set()
        for metered in arrival.metered:
            subscriber = arrival.accounts[metered.account].subscriber
            own = subscriber.allowance_policies
            if not own and not general:
                continue
            for plan, buckets, passed in _holdings(metered):
                policies = applying_to(plan, own, general)
                known = {each.id for version in metered.tariffs[plan].versions for each in version.allowances}
                # What was carried over from another plan and can't be used under this one is nobody's concern.
                for use in uses_of(bucket for bucket in buckets if bucket.allowance in known):
                    for each in reached(use, policies, passed):
                        # A threshold of a shared allowance is the group's: one of its members' records reached it.
                        whose = (subscriber.subscription.customer, plan, each.key)
                        if not use.is_shared or whose not in shared_by:
                            unit = unit_of(metered.tariffs[plan], use.allowance)
                            found.append(_Found(metered.account, plan, unit, each))
                        if use.is_shared:
                            shared_by.add(whose)
        return found


def _holdings(metered: MeteredAccount) -> list[tuple[str, Sequence[Bucket], Mapping[str, int]]]:
    """(plan, buckets, thresholds passed) of what an account has of its own in its latest stint, and shares."""
    found: list[tuple[str, Sequence[Bucket], Mapping[str, int]]] = []
    if metered.cycle.stints:
        latest = metered.cycle.stints[-1]
        found.append((latest.stint.plan, latest.account.buckets, metered.cycle.passed))
    found += [(plan, shared.buckets, shared.passed) for plan, shared in metered.shared.items()]
    return found


def _deciding(arrival: Arrival, found: _Found) -> int | None:
    """The row of the record with which the allowance's use reached the threshold; None when none of these did.

    The account's new records are rated one by one. Where others share the allowance, theirs count as used before.
    """
    threshold, allowance = found.reached.amount, found.reached.use.allowance
    last: int | None = None
    for usage in arrival.usages:
        if usage.plan != found.plan or usage.ledger is None or usage.bills is None:
            continue
        mine = np.flatnonzero(usage.accounts == found.account)
        if not len(mine):
            continue
        account = usage.ledger.account(int(usage.bills[mine[0]]))
        for number in mine.tolist():
            last = int(usage.rows[number])
            account = rate_for(_record(usage, number), usage.tariff, account).account
            if _used(account.buckets, allowance, found.reached.use.is_shared) >= threshold:
                return last
    return last


def _used(buckets: Sequence[Bucket], allowance: str, is_shared: bool) -> Fraction:
    return sum(
        (bucket.used for bucket in buckets if bucket.allowance == allowance and bool(bucket.owner) == is_shared),
        Fraction(0),
    )


def _record(usage: PlanUsage, number: int) -> UsageRecord:
    columns = usage.columns
    networks, values = columns.visited_network, columns.value_micros
    return UsageRecord(
        SERVICES[int(columns.service[number])],
        from_micros(int(columns.start[number]) * 1_000_000),
        int(columns.quantity[number]),
        str(columns.destination[number]),
        "" if networks is None else str(networks[number]),
        0 if values is None else int(values[number]),
    )


async def _evidence(
    writer: LedgerWriter, arrival: Arrival, found: Sequence[_Found], rows: Sequence[int | None]
) -> list[list[RecordKey]]:
    """For each the keys of the newest records of the account that led to it, the deciding one last."""
    batch = arrival.batch
    mine: dict[int, list[int]] = {each.account: [] for each in found}
    for usage in arrival.usages:
        for account, row in zip(usage.accounts.tolist(), usage.rows.tolist(), strict=True):
            if account in mine:
                mine[account].append(row)
    for rows_of in mine.values():
        rows_of.sort(key=lambda row: (batch.starts[row], batch.sources[row], batch.record_ids[row]))
    but = [{batch.key(row) for row in mine[each.account]} for each in found]
    stored = await writer.newest_records([arrival.accounts[each.account] for each in found], but, MAX_EVIDENCE)
    evidence = []
    for each, row, keys in zip(found, rows, stored, strict=True):
        ordered = mine[each.account]
        led = ordered[: ordered.index(row) + 1] if row in ordered else ordered
        evidence.append([*keys, *(batch.key(number) for number in led)][-MAX_EVIDENCE:])
    return evidence


def _signal(arrival: Arrival, found: _Found, row: int | None, evidence: Sequence[RecordKey], now: datetime) -> Signal:
    account, new = arrival.accounts[found.account], found.reached
    subscription, use = account.subscriber.subscription, new.use
    whose = subscription.customer if use.is_shared else subscription.id
    what = (new.policy.id, found.plan, use.allowance, whose, new.percent, new.quantity, account.cycle.start_micros)
    return Signal(
        id=signal_id(SignalKind.ALLOWANCE_THRESHOLD, subscription.id, *what),
        kind=SignalKind.ALLOWANCE_THRESHOLD,
        subscription=subscription.id,
        customer=subscription.customer,
        event_time=arrival.time if row is None else from_micros(arrival.batch.starts[row]),
        arrive_time=arrival.time,
        create_time=now,
        evidence=tuple(f"{source}/{record_id}" for source, record_id in evidence),
        detail=AllowanceThresholdCrossed(
            policy=new.policy.id,
            plan=found.plan,
            allowance=use.allowance,
            unit=found.unit,
            percent=new.percent,
            quantity=new.quantity,
            granted_micros=nearest_micros(use.granted),
            used_micros=nearest_micros(use.used),
            is_shared=use.is_shared,
            cycle=account.cycle,
        ),
    )


def unit_of(tariff: Tariff, allowance: str) -> str:
    """The unit of an allowance, as the latest version that has it says."""
    for version in reversed(tariff.versions):
        for each in version.allowances:
            if each.id == allowance:
                return each.unit
    raise AssertionError(f"tariff {tariff.id} has no allowance {allowance} of which it keeps an account")
