"""How do accounts look in their JSON columns? Exact amounts are texts such as "1/3"; moments are microseconds."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from rating import Account, Bucket, Counter
from usage_correlation.domain.accounts import Stint, StintAccount
from usage_correlation.domain.moments import from_micros, to_micros


def _all(texts: Sequence[str]) -> list[Any]:
    """Many documents in one go, which takes two thirds of the time. Any: what JSON can hold."""
    found: list[Any] = json.loads(f"[{','.join(texts)}]")
    return found


class AccountReader:
    """Reads the accounts of one batch: what many of them have in common is made once."""

    def __init__(self) -> None:
        self._amounts: dict[str, Fraction] = {}
        self._moments: dict[int, datetime] = {}
        self._stints: dict[tuple[str, int, int], Stint] = {}

    def stints(self, texts: Sequence[str]) -> list[tuple[StintAccount, ...]]:
        """Each account's stints as they were kept."""
        return [tuple([self._stint(each) for each in stints]) for stints in _all(texts)]

    def buckets(self, texts: Sequence[str]) -> list[tuple[Bucket, ...]]:
        """Each account's buckets as they were kept."""
        return [self._buckets(buckets) for buckets in _all(texts)]

    def _buckets(self, value: Sequence[Any]) -> tuple[Bucket, ...]:
        amounts, moments = self._amounts, self._moments
        found = []
        for allowance, amount, used, valid_from, valid_until, rollover, owner, is_extended in value:
            bucket = Bucket(
                allowance,
                amounts.get(amount) or self._amount(amount),
                moments.get(valid_from) or self._moment(valid_from),
                moments.get(valid_until) or self._moment(valid_until),
                amounts.get(used) or self._amount(used),
                rollover,
                owner,
                bool(is_extended),
            )
            found.append(bucket)
        return tuple(found)

    def _stint(self, value: Sequence[Any]) -> StintAccount:
        plan, start, end, buckets, counters = value
        stint = self._stints.get((plan, start, end))
        if stint is None:
            stint = self._stints[plan, start, end] = Stint(plan, start, end)
        gathered = {line: Counter(units, records) for line, (units, records) in counters.items()}
        return StintAccount(stint, Account(self._buckets(buckets), gathered))

    def _amount(self, text: str) -> Fraction:
        amount = self._amounts.get(text)
        if amount is None:
            # Whole numbers, which are nearly all, are read several times as fast this way.
            amount = self._amounts[text] = Fraction(int(text)) if "/" not in text else Fraction(text)
        return amount

    def _moment(self, micros: int) -> datetime:
        moment = self._moments[micros] = from_micros(micros)
        return moment


class AccountWriting:
    """Writes the accounts of one batch."""

    def __init__(self) -> None:
        self._micros: dict[datetime, int] = {}
        self._text = json.JSONEncoder(separators=(",", ":")).encode

    def stints(self, stints: Sequence[StintAccount]) -> str:
        """Stints with what they have, as JSON."""
        return self._text([self._stint(each) for each in stints])

    def buckets(self, buckets: Sequence[Bucket]) -> str:
        """Buckets as JSON."""
        return self._text([self._bucket(bucket) for bucket in buckets])

    def _stint(self, each: StintAccount) -> list[Any]:
        stint, account = each.stint, each.account
        counters = {line: [counter.units, counter.records] for line, counter in account.counters.items()}
        buckets = [self._bucket(bucket) for bucket in account.buckets]
        return [stint.plan, stint.start_micros, stint.end_micros, buckets, counters]

    def _bucket(self, bucket: Bucket) -> list[Any]:
        return [
            bucket.allowance,
            str(bucket.amount),
            str(bucket.used),
            self._moment(bucket.valid_from),
            self._moment(bucket.valid_until),
            bucket.rollover_cycles,
            bucket.owner,
            int(bucket.is_extended),
        ]

    def _moment(self, moment: datetime) -> int:
        micros = self._micros.get(moment)
        if micros is None:
            micros = self._micros[moment] = to_micros(moment)
        return micros


def passed_text(passed: Mapping[str, int]) -> str | None:
    """Thresholds that were reached, as JSON; None before the first."""
    return json.dumps(passed, separators=(",", ":")) if passed else None
