"""Which increments of which rate does each record of a batch use? (Counting; prices come after.)

The rule: increments are laid end to end from the record's start, and each is charged whole under the rate in force
where it begins. Between two changes of rate their number is a division, so the work does not grow with duration.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.outcome import Outcome
from rating.record import EARLIEST, LATEST, MAX_DURATION, MAX_QUANTITY, MAX_VALUE, UsageColumns
from rating.services import SERVICE_CODES, Service
from rating.tables import NO_RATE, Tables, VersionTables
from rating.timeline import BLOCK_SECONDS, Ints, Timeline
from rating.zones import ZoneIndex

_VOICE = SERVICE_CODES[Service.VOICE]
_SPAN_BLOCKS = 64
"""Batches that span up to so many blocks (over five years) get one gapless timeline."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Stretches of records, each under one rate; ordered by record, then by position in it."""

    record: Ints
    """Row of the record in the columns that were measured."""
    rate: Ints
    """Row of the rate in the tariff's tables."""
    offset: Ints
    """Base units into the record at which the piece starts."""
    quantity: Ints
    """Base units really used in the piece."""
    units: Ints
    """Base units charged, by step of the rate (rows) and piece (columns)."""

    def __len__(self) -> int:
        return len(self.record)

    def rows(self, chosen: NDArray[np.bool_] | Ints) -> "Pieces":
        """Some of the pieces."""
        return Pieces(*(getattr(self, name)[..., chosen] for name in self.__slots__))

    @classmethod
    def join(cls, parts: "list[Pieces]") -> "Pieces":
        """All pieces of several measurements."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in cls.__slots__))


def measure(columns: UsageColumns, tables: Tables) -> tuple[Pieces, NDArray[np.uint8]]:
    """The pieces of every record that can be rated, and every record's Outcome."""
    outcome = _check(columns, tables)
    sound = np.flatnonzero(outcome == Outcome.RATED)
    if not len(sound):
        return _no_pieces(tables), outcome
    walk = _Walk(columns if len(sound) == len(columns) else columns.rows(sound), tables)
    pieces, failed = walk.run()
    outcome[sound[failed]] = Outcome.NO_RATE
    if len(sound) < len(columns):
        pieces.record[:] = sound[pieces.record]
    return pieces, outcome


def _check(columns: UsageColumns, tables: Tables) -> NDArray[np.uint8]:
    most = np.where(columns.service == _VOICE, MAX_DURATION, MAX_QUANTITY)
    outcome = np.zeros(len(columns), np.uint8)
    outcome[columns.start < tables.activations[0]] = Outcome.BEFORE_FIRST_VERSION
    outcome[(columns.start < EARLIEST) | (columns.start >= LATEST)] = Outcome.START_OUT_OF_RANGE
    if columns.value_micros is not None:
        outcome[(columns.value_micros < 0) | (columns.value_micros > MAX_VALUE)] = Outcome.VALUE_OUT_OF_RANGE
    outcome[columns.quantity > most] = Outcome.QUANTITY_TOO_LARGE
    outcome[columns.quantity < 0] = Outcome.NEGATIVE_QUANTITY
    return outcome


def _no_pieces(tables: Tables) -> Pieces:
    none = np.zeros(0, np.int64)
    return Pieces(none, none, none, none, np.zeros((tables.max_steps, 0), np.int64))


def _timeline(tables: Tables, start: Ints, end: Ints) -> Timeline:
    first, last = start // BLOCK_SECONDS, end // BLOCK_SECONDS
    low, high = int(first.min()), int(last.max())
    if high - low < _SPAN_BLOCKS:
        return tables.timelines.of_blocks(tuple(range(low, high + 1)))
    stretches = np.unique(np.stack([first, last], axis=1), axis=0)
    blocks = {block for begin, until in stretches.tolist() for block in range(begin, until + 1)}
    return tables.timelines.of_blocks(tuple(sorted(blocks)))


class _Walk:
    """All records walk forward together, each pass from one change of rate to the next."""

    def __init__(self, columns: UsageColumns, tables: Tables) -> None:
        self.columns = columns
        self.tables = tables
        # Only calls stretch over time. Anything else happens at its start, whatever its quantity.
        self.lasting = columns.service == _VOICE
        end = columns.start + np.where(self.lasting, columns.quantity, 0)
        self.timeline = _timeline(tables, columns.start, end)
        self.parts: list[Pieces] = []
        self.failed: list[Ints] = []

    def run(self) -> tuple[Pieces, Ints]:
        """The pieces of all records that have a price throughout, and the rows of the others."""
        walking = _Walkers.of(self.columns, self.lasting)
        while len(walking):
            slot = walking.slots(self.timeline)
            walking, slot = self._enter_versions(walking, slot)
            end = self._charge(walking, slot)
            left = end < walking.quantity
            walking = walking.rows(left, end[left])
        return self._in_order(), np.concatenate([np.zeros(0, np.int64), *self.failed])

    def _enter_versions(self, walking: "_Walkers", slot: Ints) -> tuple["_Walkers", Ints]:
        """Look up the group of rates of those that entered a version; those without a rate drop out."""
        versions = self.timeline.versions[slot]
        moved = np.flatnonzero(versions != walking.version)
        if not len(moved):
            return walking, slot
        walking.version[moved] = versions[moved]
        for version in np.unique(versions[moved]):
            rows = moved[versions[moved] == version]
            walking.group[rows] = self._groups(int(version), walking.record[rows])
        lost = walking.group == NO_RATE
        if not lost.any():
            return walking, slot
        self.failed.append(walking.record[lost])
        return walking.rows(~lost, walking.at[~lost]), slot[~lost]

    def _groups(self, version: int, records: Ints) -> NDArray[np.int32]:
        whole = len(records) == len(self.columns)
        columns = self.columns if whole else self.columns.rows(records)
        own, *fallbacks = self.tables.versions[version]
        groups = self._look_up(own, columns)
        for fallback in fallbacks:
            missing = np.flatnonzero(groups == NO_RATE)
            if len(missing):
                groups[missing] = self._look_up(fallback, columns.rows(missing))
        return groups

    def _look_up(self, tables: VersionTables, columns: UsageColumns) -> NDArray[np.int32]:
        zones = tables.zones.find_all(columns.destination)
        groups: NDArray[np.int32] = tables.groups[columns.service, self._roaming(tables.roaming, columns), zones]
        return groups

    def _roaming(self, index: ZoneIndex, columns: UsageColumns) -> Ints | int:
        """0 at home, zone + 1 in a roaming zone, -1 (the last) abroad in no zone."""
        networks = columns.visited_network
        if networks is None:
            return 0
        zones = index.find_all(networks).astype(np.int64)
        home = (networks == "") | (self.tables.home.find_all(networks) == 0)
        return np.where(home, 0, np.where(zones >= 0, zones + 1, -1))

    def _charge(self, walking: "_Walkers", slot: Ints) -> Ints:
        """Lay increments up to the next change of rate; how far each record has come."""
        tables, timeline = self.tables, self.timeline
        schedule = tables.group_schedule[walking.group]
        cell = slot * timeline.bands.shape[1] + schedule
        rate = tables.group_rate[walking.group, timeline.bands.ravel()[cell]]
        limit = walking.limits(timeline.until.ravel()[cell])
        at, units = walking.at, np.empty((tables.max_steps, len(walking)), np.int64)
        for step in range(tables.max_steps):
            last = step + 1 == tables.max_steps
            stop = limit if last else np.minimum(limit, tables.step_after[step + 1][rate])
            increment = tables.increment[step][rate]
            # Where the step is over already, stop - at is 0 or less: no increment.
            units[step] = np.maximum((stop - at + increment - 1) // increment, 0) * increment
            at = at + units[step]
        used = np.minimum(at, walking.quantity) - walking.at
        self.parts.append(Pieces(walking.record, rate, walking.at, used, units))
        return at

    def _in_order(self) -> Pieces:
        if not self.parts:
            return _no_pieces(self.tables)
        pieces = self.parts[0] if len(self.parts) == 1 else Pieces.join(self.parts)
        if self.failed:
            sound = np.ones(len(self.columns), bool)
            sound[np.concatenate(self.failed)] = False
            pieces = pieces.rows(sound[pieces.record])
        if len(self.parts) > 1:
            pieces = pieces.rows(np.argsort(pieces.record, kind="stable"))
        return pieces


@dataclass(frozen=True, slots=True)
class _Walkers:
    """Records on their way: one row each."""

    record: Ints
    start: Ints
    quantity: Ints
    lasting: NDArray[np.bool_] | None
    """None when all last."""
    at: Ints
    """How many base units into the record it has come."""
    version: Ints
    group: Ints

    @classmethod
    def of(cls, columns: UsageColumns, lasting: NDArray[np.bool_]) -> "_Walkers":
        """All records at their start, in no version yet."""
        count = len(columns)
        return cls(
            record=np.arange(count, dtype=np.int64),
            start=columns.start,
            quantity=columns.quantity,
            lasting=None if lasting.all() else lasting,
            at=np.zeros(count, np.int64),
            version=np.full(count, -1, np.int64),
            group=np.full(count, NO_RATE, np.int64),
        )

    def __len__(self) -> int:
        return len(self.record)

    def rows(self, chosen: NDArray[np.bool_], at: Ints) -> "_Walkers":
        """Some of them, come so far."""
        return _Walkers(
            self.record[chosen],
            self.start[chosen],
            self.quantity[chosen],
            None if self.lasting is None else self.lasting[chosen],
            at,
            self.version[chosen],
            self.group[chosen],
        )

    def slots(self, timeline: Timeline) -> Ints:
        """The slot of the timeline that each is in."""
        at = self.at if self.lasting is None else np.where(self.lasting, self.at, 0)
        slots: Ints = np.searchsorted(timeline.starts, self.start + at, side="right") - 1
        return slots

    def limits(self, until: Ints) -> Ints:
        """How far each comes when its rate stays in force until an instant."""
        limit = np.minimum(until - self.start, self.quantity)
        return limit if self.lasting is None else np.where(self.lasting, limit, self.quantity)
