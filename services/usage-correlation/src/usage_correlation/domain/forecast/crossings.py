"""When will spending, or the use of an allowance, reach a threshold, judged by many futures?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rating import SERVICE_CODES, Service
from usage_correlation.domain.moments import MICROS

Integers = NDArray[np.int64]

LOW: Final = 0.1
HIGH: Final = 0.9
"""Between these shares of all futures lies every range that is told: 80 percent of them."""
COVERAGE_PERCENT: Final = 80


class ThresholdKind(StrEnum):
    """What sets a threshold."""

    SPEND_POLICY = "SPEND_POLICY"
    SPENDING_LIMIT = "SPENDING_LIMIT"
    ALLOWANCE = "ALLOWANCE"


@dataclass(frozen=True, slots=True)
class Counted:
    """A part of spending."""

    services: tuple[Service, ...] = ()
    """Empty: all."""
    abroad: bool | None = None
    """Whether usage in foreign networks alone counts, or at home; None: both."""
    factor: float = 1.0
    """What one unit of price counts for, where the threshold has another tax basis."""
    until_micros: int | None = None
    """Usage that begins from here on counts towards another period."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Something that may be reached in the cycle."""

    kind: ThresholdKind
    name: str
    """Id of the policy, limit or allowance."""
    percent: int
    amount: Fraction
    """That is so many percent: in the currency, or in the allowance's unit."""
    unit: str
    """ISO 4217 code, or the allowance's unit."""
    missing: Fraction
    """What is left until it is reached; above zero."""
    counts: "Counted | None" = None
    """Which spending counts; None: all of it, or use of the allowance that it is about."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a threshold is expected to be reached."""

    threshold: Threshold
    probability: float
    """Share of the futures that reach it before the cycle ends."""
    earliest_micros: int | None
    """A tenth of the futures reach it by then; None when fewer ever do."""
    expected_micros: int | None
    """Half of them do; None when fewer do, so that it is not expected in this cycle."""
    latest_micros: int | None
    """Nine tenths do; None when fewer do."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What adds up towards thresholds: one row an addition, by future and then by time."""

    future: Integers
    start: Integers
    """Seconds since 1970."""
    amount: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: "Sequence[Growth]") -> "Growth":
        """Several together."""
        future = np.concatenate([part.future for part in parts])
        start = np.concatenate([part.start for part in parts])
        order = np.lexsort((start, future))
        return cls(future[order], start[order], np.concatenate([part.amount for part in parts])[order])


@dataclass(frozen=True, slots=True)
class Spending:
    """What records to come cost."""

    growth: Growth
    service: Integers
    """By row: its code."""
    abroad: NDArray[np.bool_]
    """By row: whether it is used in a foreign network."""

    def towards(self, threshold: Threshold) -> Growth:
        """What of it counts towards a threshold."""
        counts, growth = threshold.counts, self.growth
        if counts is None:
            return growth
        mine = np.ones(len(growth.start), bool)
        if counts.services:
            mine &= np.isin(self.service, [SERVICE_CODES[service] for service in counts.services])
        if counts.abroad is not None:
            mine &= self.abroad == counts.abroad
        if counts.until_micros is not None:
            mine &= growth.start * MICROS < counts.until_micros
        return Growth(growth.future[mine], growth.start[mine], growth.amount[mine] * counts.factor)

    @classmethod
    def joined(cls, parts: "Sequence[Spending]") -> "Spending":
        """Several together, by future and time; nothing without any."""
        none = np.zeros(0, np.int64)
        future, start, amount, service, abroad = (
            np.concatenate([none, *columns])
            for columns in (
                [part.growth.future for part in parts],
                [part.growth.start for part in parts],
                [part.growth.amount for part in parts],
                [part.service for part in parts],
                [part.abroad for part in parts],
            )
        )
        order = np.lexsort((start, future))
        growth = Growth(future[order], start[order], amount[order].astype(np.float64))
        return cls(growth, service[order], abroad[order].astype(bool))


def crossing(threshold: Threshold, growth: Growth, futures: int) -> Crossing:
    """When so many futures reach a threshold."""
    first = np.ones(len(growth.future), bool)
    first[1:] = growth.future[1:] != growth.future[:-1]
    totals = np.cumsum(growth.amount)
    before = (totals - growth.amount)[first][np.cumsum(first) - 1] if len(totals) else totals
    reached = np.flatnonzero(totals - before >= float(threshold.missing) * (1 - 1e-12))
    _, firsts = np.unique(growth.future[reached], return_index=True)
    times = np.sort(growth.start[reached[firsts]])

    def by(share: float) -> int | None:
        place = int(np.ceil(share * futures)) - 1
        return int(times[place]) * MICROS if place < len(times) else None

    return Crossing(threshold, len(times) / futures, by(LOW), by(0.5), by(HIGH))
