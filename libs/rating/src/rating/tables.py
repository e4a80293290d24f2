"""How does a tariff look as arrays, so that rating is looking up and multiplying?

A *group* is the set of rates of one version for one (service, roaming zone, destination zone): either one rate for any
time or one rate for each band of one schedule. Cells (service, roaming, zone) point at groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rating.allowance import MONEY
from rating.allowance_tables import AllowanceTables
from rating.money import MICROS, Rounding
from rating.prices import AtMaximum, Rate
from rating.schedule import Schedule
from rating.services import SERVICE_CODES, SERVICES
from rating.tariff import Tariff, Version, Zone
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
    groups: NDArray[np.int32]
    """Group by (service code, roaming number, zone number); the last zone is "no zone", roaming 0 is home, the last
    roaming is "abroad, in no zone". NO_RATE where nothing is priced."""


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate with where it comes from."""

    rate: Rate
    version: int
    line: int
    from_fallback: bool


class Tables:
    """A tariff as arrays."""

    def __init__(self, tariff: Tariff) -> None:
        self.tariff = tariff
        self.activations: Ints = np.array([to_epoch(v.active_from) for v in tariff.versions], np.int64)
        self.home = ZoneIndex((Zone("home", tariff.home_networks),))
        self.allowances = AllowanceTables(tariff)
        groups = _Groups(tariff)
        self.versions = [groups.of_version(number, version) for number, version in enumerate(tariff.versions)]
        self.rows = groups.rows
        self.lines = tuple(groups.lines)
        self.line_of: Ints = np.array([row.line for row in self.rows], np.int64)
        self.group_schedule: Ints = np.array(groups.schedule_of, np.int64)
        self.group_rate = groups.rate_table()
        plans: list[DayPlans] = [_Anytime(), *(_Numbered(schedule, groups.bands) for schedule in groups.schedules)]
        self.timelines = TimelineBuilder(tariff.time_zone, self.activations, plans)
        self.scale = scale_of(tariff, [row.rate for row in self.rows])
        self._fill_prices([row.rate for row in self.rows])
        self._fill_features([row.rate for row in self.rows])

    def _fill_prices(self, rates: list[Rate]) -> None:
        self.max_steps = max(len(rate.steps) for rate in rates)
        # By step (rows) and rate (columns). A step that a rate doesn't have starts beyond every record.
        shape = (self.max_steps, len(rates))
        self.step_after: Ints = np.full(shape, FAR_FUTURE, np.int64)
        self.increment: Ints = np.ones(shape, np.int64)
        prices = np.zeros(shape, object)
        for r, rate in enumerate(rates):
            for s, step in enumerate(rate.steps):
                self.step_after[s, r] = step.after
                self.increment[s, r] = step.increment
                prices[s, r] = 0 if rate.cycle_price else self.scaled(step.price)
        self.price: Numerators = narrow(prices)
        self.fee = self._numerators([rate.connection_fee for rate in rates])
        # Of one micro-unit of the record's own value.
        self.share = self._numerators([rate.percentage / (100 * MICROS) for rate in rates])

    def _fill_features(self, rates: list[Rate]) -> None:
        """What few tariffs have, and whether this one does: the others skip the work."""
        self.free_records: Ints = np.array([rate.free_records for rate in rates], np.int64)
        self.cycle_rates = [number for number, rate in enumerate(rates) if rate.cycle_price]
        counted = {rate.line for rate in rates if rate.cycle_price or rate.free_records}
        self.counted_lines = frozenset(counted)
        self.is_counted = np.array([rate.line in counted for rate in rates])
        self.maximum = self._numerators([rate.maximum.amount if rate.maximum else Fraction(-1) for rate in rates])
        self.cuts_off = np.array([bool(r.maximum and r.maximum.then is AtMaximum.CUT_OFF) for r in rates])
        self.has_maximum = any(rate.maximum for rate in rates)
        self.has_share = any(rate.percentage for rate in rates)
        self.keeps_accounts = bool(self.allowances or counted)
        self.has_features = self.keeps_accounts or self.has_maximum or self.has_share
        # Whether a line's amount is its units x prices, whatever records they came in.
        self.is_linear = not self.has_features and self.tariff.record_rounding is None
        self.shape = self._shape()

    def _numerators(self, amounts: list[Fraction]) -> Numerators:
        return narrow(np.array([self.scaled(amount) for amount in amounts], object))

    def _shape(self) -> Shape:
        rates = tuple(
            (
                (r.version, r.line, r.from_fallback, r.rate.service, r.rate.zone, r.rate.band, r.rate.roaming),
                tuple((step.after, step.increment) for step in r.rate.steps),
            )
            for r in self.rows
        )
        return (self.tariff.time_zone, self.tariff.home_networks, tuple(map(_frame, self.tariff.versions)), rates)

    def scaled(self, amount: Fraction) -> int:
        """An amount as an integer over the scale."""
        scaled = amount * self.scale
        if scaled.denominator != 1:
            raise ValueError(f"{amount} does not fit the scale {self.scale} of tariff {self.tariff.id}")
        return scaled.numerator

    def rounding_step(self, rounding: Rounding) -> int:
        """The scaled value of one unit of the last decimal that a rounding keeps."""
        return self.scale // rounding.unit


class _Groups:
    """Numbers the rates, lines, bands and schedules of all versions while it lays them into cells."""

    def __init__(self, tariff: Tariff) -> None:
        self.rows: list[RateRow] = []
        self.lines: dict[str, int] = {}
        self.bands = _band_numbers(tariff)
        self.schedules: list[Schedule] = []
        self.schedule_of: list[int] = []
        self._rates: list[dict[int, int]] = []
        self._indexes: dict[tuple[Zone, ...], ZoneIndex] = {}

    def of_version(self, number: int, version: Version) -> tuple[VersionTables, ...]:
        """The lookups of a version and of its fallbacks."""
        found, fallback = [self._lookups(number, version, from_fallback=False)], version.fallback
        while fallback:
            found.append(self._lookups(number, fallback, from_fallback=True))
            fallback = fallback.fallback
        return tuple(found)

    def _lookups(self, number: int, version: Version, *, from_fallback: bool) -> VersionTables:
        zone_numbers = {zone.id: zone_number for zone_number, zone in enumerate(version.zones)}
        roaming_numbers = {zone.id: zone_number for zone_number, zone in enumerate(version.roaming_zones, start=1)}
        groups = np.full((len(SERVICES), len(roaming_numbers) + 2, len(zone_numbers) + 1), NO_RATE, np.int32)
        by_key: dict[tuple[int, int, str | None], list[Rate]] = {}
        for rate in version.rates:
            roaming = 0 if rate.roaming is None else roaming_numbers[rate.roaming]
            by_key.setdefault((SERVICE_CODES[rate.service], roaming, rate.zone), []).append(rate)
        # Rates for any zone are laid first, so that those which name their zone lie above them.
        for (service, roaming, zone_id), rates in sorted(by_key.items(), key=lambda item: item[0][2] is not None):
            group = self._group(number, version, rates, from_fallback=from_fallback)
            groups[service, roaming, slice(None) if zone_id is None else zone_numbers[zone_id]] = group
        return VersionTables(self._index(version.zones), self._index(version.roaming_zones), groups)

    def _group(self, number: int, version: Version, rates: list[Rate], *, from_fallback: bool) -> int:
        first = len(self.rows)
        for rate in rates:
            line = self.lines.setdefault(rate.line, len(self.lines))
            self.rows.append(RateRow(rate, number, line, from_fallback))
        if rates[0].band is None:
            self.schedule_of.append(ALWAYS)
            self._rates.append({0: first})
        else:
            schedule = next(s for s in version.schedules if rates[0].band in s.bands)
            if schedule not in self.schedules:
                self.schedules.append(schedule)
            self.schedule_of.append(self.schedules.index(schedule) + 1)
            self._rates.append({self.bands[rate.band or ""]: first + i for i, rate in enumerate(rates)})
        return len(self.schedule_of) - 1

    def _index(self, zones: tuple[Zone, ...]) -> ZoneIndex:
        if zones not in self._indexes:
            self._indexes[zones] = ZoneIndex(zones)
        return self._indexes[zones]

    def rate_table(self) -> Ints:
        """The rate by group (rows) and band (columns)."""
        table = np.full((len(self._rates), max(1, len(self.bands))), NO_RATE, np.int64)
        for group, rates in enumerate(self._rates):
            for band, rate in rates.items():
                table[group, band] = rate
        return table


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
    if not values.size or (values.max() < 2**62 and values.min() > -(2**62)):
        return values.astype(np.int64)
    return values


def _chain(version: Version) -> Iterator[Version]:
    """A version and its fallbacks."""
    found: Version | None = version
    while found:
        yield found
        found = found.fallback


def _frame(version: Version) -> Shape:
    """What of a version decides which rate a record finds, rates apart."""
    return tuple((v.active_from, v.schedules, v.zones, v.roaming_zones) for v in _chain(version))


def _band_numbers(tariff: Tariff) -> dict[str, int]:
    versions = (version for own in tariff.versions for version in _chain(own))
    names = (band for version in versions for schedule in version.schedules for band in schedule.bands)
    return {band: number for number, band in enumerate(dict.fromkeys(names))}


def scale_of(tariff: Tariff, rates: list[Rate]) -> int:
    """The common denominator of every price, fee and rounding: all amounts are integers over it."""
    amounts: list[Fraction] = []
    for rate in rates:
        tiers = rate.cycle_price.tiers if rate.cycle_price else ()
        amounts += [rate.connection_fee, rate.percentage / (100 * MICROS)]
        amounts += [step.price for step in rate.steps] + [tier.price for tier in tiers]
        amounts += [rate.maximum.amount] if rate.maximum else []
    for allowance in (allowance for version in tariff.versions for allowance in version.allowances):
        amounts += [allowance.price] + ([allowance.block.price] if allowance.block else [])
        # Balances of money are kept in micro-units.
        amounts += [allowance.amount, Fraction(1, MICROS)] if allowance.unit == MONEY else []
    roundings = (tariff.record_rounding, tariff.line_rounding, tariff.bill_rounding)
    return lcm(*(amount.denominator for amount in amounts), *(rounding.unit for rounding in roundings if rounding))
