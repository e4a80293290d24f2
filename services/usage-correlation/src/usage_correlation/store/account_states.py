"""How do accounts look in their JSON columns? Exact amounts are texts such as "1/3"; moments are microseconds."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from rating import Account, Bucket, Counter
from usage_correlation.domain.accounts import Stint, StintAccount
from usage_correlation.domain.moments import from_micros, to_micros

Json = Sequence[Any] | Mapping[str, Any]
"""Any: what JSON can hold."""


def stints_text(stints: Sequence[StintAccount]) -> str:
    """Stints with what they have, as JSON."""
    return json.dumps([_stint_json(each) for each in stints], separators=(",", ":"))


def stints_from(value: Json) -> tuple[StintAccount, ...]:
    """Stints as they were kept."""
    return tuple(_stint(each) for each in value)


def buckets_text(buckets: Sequence[Bucket]) -> str:
    """Buckets as JSON."""
    return json.dumps([_bucket_json(bucket) for bucket in buckets], separators=(",", ":"))


def buckets_from(value: Json) -> tuple[Bucket, ...]:
    """Buckets as they were kept."""
    return tuple(_bucket(each) for each in value)


def passed_text(passed: Mapping[str, int]) -> str | None:
    """Thresholds that were reached, as JSON; None before the first."""
    return json.dumps(passed, separators=(",", ":")) if passed else None


def _stint_json(each: StintAccount) -> list[Any]:
    stint, account = each.stint, each.account
    counters = {line: [counter.units, counter.records] for line, counter in account.counters.items()}
    buckets = [_bucket_json(bucket) for bucket in account.buckets]
    return [stint.plan, stint.start_micros, stint.end_micros, buckets, counters]


def _stint(value: Sequence[Any]) -> StintAccount:
    plan, start, end, buckets, counters = value
    gathered = {line: Counter(units, records) for line, (units, records) in counters.items()}
    return StintAccount(Stint(plan, start, end), Account(tuple(map(_bucket, buckets)), gathered))


def _bucket_json(bucket: Bucket) -> list[Any]:
    return [
        bucket.allowance,
        str(bucket.amount),
        str(bucket.used),
        to_micros(bucket.valid_from),
        to_micros(bucket.valid_until),
        bucket.rollover_cycles,
        bucket.owner,
        int(bucket.is_extended),
    ]


def _bucket(value: Sequence[Any]) -> Bucket:
    allowance, amount, used, valid_from, valid_until, rollover, owner, is_extended = value
    return Bucket(
        allowance=allowance,
        amount=_amount(amount),
        valid_from=_moment(valid_from),
        valid_until=_moment(valid_until),
        used=_amount(used),
        rollover_cycles=rollover,
        owner=owner,
        is_extended=bool(is_extended),
    )


def _amount(text: str) -> Fraction:
    # Whole numbers, which are nearly all, are read several times as fast this way.
    return Fraction(int(text)) if "/" not in text else Fraction(text)


def _moment(micros: int) -> datetime:
    return from_micros(micros)
