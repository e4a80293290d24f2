"""How does a tariff look as arrays, so that rating is looking up and multiplying?

A *group* is the set of rates of one version for one (service, roaming zone, destination zone): either one rate for any
time or one rate for each band of one schedule. Cells (service, roaming, zone) point at groups.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rating.money import Rounding
from rating.schedule import Schedule
from rating.tariff import SERVICE_CODES, SERVICES, Rate, Tariff, Version, Zone
from rating.timeline import FAR_FUTURE, Changes, DayPlans, Ints, TimelineBuilder, to_epoch
from rating.zones import ZoneIndex

ALWAYS = 0
"""Number of the schedule that has one band only: no change of price by time."""
NO_RATE = -1

Numerators = NDArray[Any]
"""Amounts over the scale: int64, or Python ints in an object array where 64 bits would not hold them."""


Shape = tuple[object, ...]
"""Everything of a tariff that decides which increments a record uses, and nothing of what they cost."""


class _Anytime:
    def day(self, day: int) -> Changes:
        del day
        return [(0, 0)]


class _Numbered:
    """A schedule whose bands are numbers."""

    def __init__(self, schedule: Schedule, numbers: dict[str, int]) -> None:
        self._schedule = schedule
        self._numbers = numbers

    def day(self, day: int) -> Changes:
        return [(second, self._numbers[band]) for second, band in self._schedule.day_plan(day)]


@dataclass(frozen=True, slots=True)
class VersionTables:
    """One version's lookups."""

    zones: ZoneIndex
    roaming: ZoneIndex
    zone_ids: tuple[str, ...]
    roaming_ids: tuple[str, ...]
    groups: NDArray[np.int32]
    """Group by (service code, roaming number, zone number); the last zone is "no zone", roaming 0 is home, the last
    roaming is "abroad, in no zone". NO_RATE where nothing is priced."""


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate with where it comes from."""

    rate: Rate
    version: int
    line: int


class Tables:
    """A tariff as arrays."""

    def __init__(self, tariff: Tariff) -> None:
        self.tariff = tariff
        self.rows: list[RateRow] = []
        self.activations: Ints = np.array([to_epoch(v.active_from) for v in tariff.versions], np.int64)
        self.home = ZoneIndex((Zone("home", tariff.home_networks),))
        self._schedules: list[Schedule] = []
        self._group_schedules: list[int] = []
        self._group_rates: list[dict[int, int]] = []
        self._lines: dict[str, int] = {}
        self._indexes: dict[tuple[Zone, ...], ZoneIndex] = {}
        self.bands = _band_numbers(tariff)
        self.versions = [self._version(number, version) for number, version in enumerate(tariff.versions)]
        self.lines = tuple(self._lines)
        self.group_schedule: Ints = np.array(self._group_schedules, np.int64)
        self.group_rate = self._group_rate_table()
        plans: list[DayPlans] = [_Anytime(), *(_Numbered(schedule, self.bands) for schedule in self._schedules)]
        self.timelines = TimelineBuilder(tariff.time_zone, self.activations, plans)
        self.scale = _scale(tariff)
        self._fill_rate_arrays()
        self.shape = self._shape()

    def _version(self, number: int, version: Version) -> VersionTables:
        zone_ids = tuple(zone.id for zone in version.zones)
        roaming_ids = tuple(zone.id for zone in version.roaming_zones)
        shape = (len(SERVICES), len(roaming_ids) + 2, len(zone_ids) + 1)
        groups = np.full(shape, NO_RATE, np.int32)
        by_key: dict[tuple[int, int, str | None], list[Rate]] = {}
        for rate in version.rates:
            roaming = 0 if rate.roaming is None else roaming_ids.index(rate.roaming) + 1
            by_key.setdefault((SERVICE_CODES[rate.service], roaming, rate.zone), []).append(rate)
        zone_numbers = {zone_id: zone for zone, zone_id in enumerate(zone_ids)}
        # Rates for any zone are laid first, so that those which name their zone lie above them.
        for (service, roaming, zone_id), rates in sorted(by_key.items(), key=lambda item: item[0][2] is not None):
            group = self._group(number, version, rates)
            groups[service, roaming, slice(None) if zone_id is None else zone_numbers[zone_id]] = group
        return VersionTables(
            self._index(version.zones), self._index(version.roaming_zones), zone_ids, roaming_ids, groups
        )

    def _group(self, number: int, version: Version, rates: list[Rate]) -> int:
        first = len(self.rows)
        for rate in rates:
            line = self._lines.setdefault(rate.line, len(self._lines))
            self.rows.append(RateRow(rate, number, line))
        if rates[0].band is None:
            self._group_schedules.append(ALWAYS)
            self._group_rates.append({0: first})
        else:
            schedule = next(s for s in version.schedules if rates[0].band in s.bands)
            if schedule not in self._schedules:
                self._schedules.append(schedule)
            self._group_schedules.append(self._schedules.index(schedule) + 1)
            self._group_rates.append({self.bands[rate.band or ""]: first + i for i, rate in enumerate(rates)})
        return len(self._group_schedules) - 1

    def _index(self, zones: tuple[Zone, ...]) -> ZoneIndex:
        if zones not in self._indexes:
            self._indexes[zones] = ZoneIndex(zones)
        return self._indexes[zones]

    def _group_rate_table(self) -> Ints:
        table = np.full((len(self._group_rates), max(1, len(self.bands))), NO_RATE, np.int64)
        for group, rates in enumerate(self._group_rates):
            for band, rate in rates.items():
                table[group, band] = rate
        return table

    def _fill_rate_arrays(self) -> None:
        rates = [row.rate for row in self.rows]
        self.max_steps = max(len(rate.steps) for rate in rates)
        shape = (self.max_steps, len(rates))
        # By step (rows) and rate (columns). A step that a rate doesn't have starts beyond every record.
        self.step_after: Ints = np.full(shape, FAR_FUTURE, np.int64)
        self.increment: Ints = np.ones(shape, np.int64)
        prices = np.zeros(shape, object)
        for r, rate in enumerate(rates):
            for s, step in enumerate(rate.steps):
                self.step_after[s, r] = step.after
                self.increment[s, r] = step.increment
                prices[s, r] = self.scaled(step.price)
        self.price: Numerators = narrow(prices)
        self.fee: Numerators = narrow(np.array([self.scaled(rate.connection_fee) for rate in rates], object))
        self.line_of: Ints = np.array([row.line for row in self.rows], np.int64)

    def _shape(self) -> Shape:
        versions = tuple((v.active_from, v.schedules, v.zones, v.roaming_zones) for v in self.tariff.versions)
        rates = tuple(
            (
                (r.version, r.line, r.rate.service, r.rate.zone, r.rate.band, r.rate.roaming),
                tuple((step.after, step.increment) for step in r.rate.steps),
            )
            for r in self.rows
        )
        return (self.tariff.time_zone, self.tariff.home_networks, versions, rates)

    def scaled(self, amount: Fraction) -> int:
        """An amount as an integer over the scale."""
        scaled = amount * self.scale
        if scaled.denominator != 1:
            raise ValueError(f"{amount} does not fit the scale {self.scale} of tariff {self.tariff.id}")
        return scaled.numerator

    def rounding_step(self, rounding: Rounding) -> int:
        """The scaled value of one unit of the last decimal that a rounding keeps."""
        return self.scale // rounding.unit


def tables_of(tariff: Tariff) -> Tables:
    """The tariff's tables, made once and kept with the tariff."""
    tables = tariff.memo.get("tables")
    if tables is None:
        tables = tariff.memo["tables"] = Tables(tariff)
    if not isinstance(tables, Tables):
        raise TypeError(f"tariff {tariff.id} keeps a {type(tables).__name__} where its tables belong")
    return tables


def narrow(values: Numerators) -> Numerators:
    """Python ints as int64 where they all fit with room to add, unchanged where not."""
    largest = max((abs(int(value)) for value in values.flat), default=0)
    return values.astype(np.int64) if largest < 2**62 else values


def _band_numbers(tariff: Tariff) -> dict[str, int]:
    names = (band for version in tariff.versions for schedule in version.schedules for band in schedule.bands)
    return {band: number for number, band in enumerate(dict.fromkeys(names))}


def _scale(tariff: Tariff) -> int:
    """The common denominator of every price, fee and rounding: all amounts are integers over it."""
    denominators = [
        amount.denominator
        for version in tariff.versions
        for rate in version.rates
        for amount in (rate.connection_fee, *(step.price for step in rate.steps))
    ]
    roundings = (tariff.record_rounding, tariff.line_rounding, tariff.bill_rounding)
    decimals = [rounding.unit for rounding in roundings if rounding]
    return lcm(*denominators, *decimals)
