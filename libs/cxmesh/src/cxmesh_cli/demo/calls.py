"""Which calls a subscriber's monthly figures could have been made of.

The source file holds totals. They are expanded into call records, the same ones each time, so that counts and total
seconds per band equal the file's exactly; starts and durations are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from cxmesh_cli.demo.subscribers import Band, BandUsage, Subscriber

TARIFF_ZONE: Final = ZoneInfo("America/New_York")
"""Bands follow the clock of the tariff's zone."""

BAND_HOURS: Final = {
    Band.DAY: (8, 17),
    Band.EVENING: (17, 22),
    Band.NIGHT: (22, 8),
    Band.INTERNATIONAL: (8, 22),
}
"""From and to, on the tariff zone's clock; the night ends on the next day, calls abroad cost the same at any time."""

COUNTRY_CODES: Final = ("44", "49", "33", "52", "91", "86", "55", "61")

Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BillCycle:
    """The days of one bill cycle, and those of them that lie wholly in the past."""

    start: date
    end: date
    """Exclusive: the first day of the next cycle."""
    last_day: date
    """The last day with usage."""

    @classmethod
    def open_on(cls, today: date) -> BillCycle:
        """The cycle that ends the day after tomorrow: long enough to act in, with nearly all usage made."""
        end = today + timedelta(days=2)
        previous = end.replace(day=1) - timedelta(days=1)
        return cls(
            start=previous.replace(day=min(end.day, previous.day)),
            end=end,
            last_day=today - timedelta(days=2),
        )

    @property
    def days(self) -> list[date]:
        """The days with usage."""
        return [self.start + timedelta(days=offset) for offset in range((self.last_day - self.start).days)]


@dataclass(frozen=True, slots=True)
class Calls:
    """Call records in columns, one row each."""

    subscriber: Ints
    """Index into the sequence that was expanded."""
    band: Ints
    """Index into list(Band)."""
    sequence: Ints
    """Position within subscriber and band, from 0; names the record."""
    start_seconds: Ints
    """Unix time."""
    duration_seconds: Ints
    destination: list[str]
    """E.164 digits."""

    def __len__(self) -> int:
        """Number of records."""
        return len(self.destination)

    def in_order_of_arrival(self) -> Calls:
        """The same records as they would have arrived: by the end of the call."""
        order = np.argsort(self.start_seconds + self.duration_seconds, kind="stable")
        return Calls(
            subscriber=self.subscriber[order],
            band=self.band[order],
            sequence=self.sequence[order],
            start_seconds=self.start_seconds[order],
            duration_seconds=self.duration_seconds[order],
            destination=[self.destination[row] for row in order],
        )


def expand(subscribers: Sequence[Subscriber], cycle: BillCycle) -> Calls:
    """Records whose counts and total seconds per subscriber and band equal the file's."""
    spans = {band: _band_spans(band, cycle) for band in Band}
    parts = [
        part for index, subscriber in enumerate(subscribers) for part in _subscriber_calls(index, subscriber, spans)
    ]
    return Calls(
        subscriber=np.concatenate([part.subscriber for part in parts]),
        band=np.concatenate([part.band for part in parts]),
        sequence=np.concatenate([part.sequence for part in parts]),
        start_seconds=np.concatenate([part.start_seconds for part in parts]),
        duration_seconds=np.concatenate([part.duration_seconds for part in parts]),
        destination=[destination for part in parts for destination in part.destination],
    )


def _band_spans(band: Band, cycle: BillCycle) -> tuple[Ints, Ints]:
    """Start and length of the band on each day, in seconds: a night in which the clock changes is shorter or longer."""
    first, last = BAND_HOURS[band]
    starts, ends = [], []
    for day in cycle.days:
        starts.append(_unix(day, first))
        ends.append(_unix(day if last > first else day + timedelta(days=1), last))
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64) - np.array(starts, dtype=np.int64)


def _unix(day: date, hour: int) -> int:
    return int(datetime.combine(day, time(hour), TARIFF_ZONE).astimezone(UTC).timestamp())


def _subscriber_calls(index: int, subscriber: Subscriber, spans: dict[Band, tuple[Ints, Ints]]) -> Iterator[Calls]:
    random = np.random.default_rng(subscriber.number)
    for band_index, (band, usage) in enumerate(subscriber.usage.items()):
        starts, lengths = spans[band]
        durations = _split(usage, random)
        days = random.integers(0, len(starts), usage.calls)
        latest = lengths[days] - durations
        offsets = (random.random(usage.calls) * (latest + 1)).astype(np.int64)
        yield Calls(
            subscriber=np.full(usage.calls, index, dtype=np.int64),
            band=np.full(usage.calls, band_index, dtype=np.int64),
            sequence=np.arange(usage.calls, dtype=np.int64),
            start_seconds=starts[days] + offsets,
            duration_seconds=durations,
            destination=_destinations(band, usage.calls, random),
        )


def _split(usage: BandUsage, random: np.random.Generator) -> Ints:
    """The band's seconds over its calls: at least a second each where there are enough, the rest drawn."""
    if usage.calls == 0:
        if usage.seconds:
            raise ValueError(f"{usage.seconds} seconds in no call: expected at least one call")
        return np.zeros(0, dtype=np.int64)
    minimum = 1 if usage.seconds >= usage.calls else 0
    weights = np.cumsum(random.exponential(size=usage.calls))
    edges = np.floor(weights / weights[-1] * (usage.seconds - minimum * usage.calls)).astype(np.int64)
    edges[-1] = usage.seconds - minimum * usage.calls
    durations: Ints = np.diff(edges, prepend=0) + minimum
    return durations


def _destinations(band: Band, calls: int, random: np.random.Generator) -> list[str]:
    numbers = random.integers(2_000_000_000, 9_999_999_999, calls)
    if band is not Band.INTERNATIONAL:
        return [f"1{number}" for number in numbers]
    codes = random.integers(0, len(COUNTRY_CODES), calls)
    return [f"{COUNTRY_CODES[code]}{number}" for code, number in zip(codes, numbers, strict=True)]
