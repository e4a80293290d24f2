"""Through which rates does one record pass? The readable path: one change of rate after another."""

from collections.abc import Iterator
from dataclasses import dataclass

from rating.charge import Portion
from rating.errors import RatingError
from rating.outcome import Outcome, error_for
from rating.prices import Step
from rating.record import EARLIEST, LATEST, MAX_DURATION, MAX_QUANTITY, MAX_VALUE, UsageRecord
from rating.services import SERVICE_CODES, Service
from rating.tables import NO_RATE, RateRow, Tables
from rating.timeline import to_epoch


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a record under one rate."""

    row: RateRow
    offset: int
    """Base units into the record at which it starts."""
    quantity: int
    """Base units really used."""
    portions: tuple[Portion, ...]


def walk(record: UsageRecord, tables: Tables) -> Iterator[Stretch]:
    """The record's stretches, in order; raises InvalidRecord or Unrated."""
    start = to_epoch(record.start)
    _check(record, tables, start)
    at = 0
    while at == 0 or at < record.quantity:
        row, until = _rate_at(record, tables, start, at)
        portions = lay(row.rate.steps, at, until, priced=row.rate.cycle_price is None)
        end = at + sum(portion.units for portion in portions)
        yield Stretch(row, at, min(end, record.quantity) - at, portions)
        if end == 0:
            return
        at = end


def lay(steps: tuple[Step, ...], at: int, until: int, *, priced: bool) -> tuple[Portion, ...]:
    """Increments end to end from `at` until at least `until`, by step."""
    portions = []
    for number, step in enumerate(steps):
        stop = min(until, steps[number + 1].after) if number + 1 < len(steps) else until
        if at < stop:
            count = -((at - stop) // step.increment)
            portions.append(Portion(count, step.increment, step.price if priced else step.price * 0))
            at += count * step.increment
    return tuple(portions)


def _check(record: UsageRecord, tables: Tables, start: int) -> None:
    most = MAX_DURATION if record.service is Service.VOICE else MAX_QUANTITY
    if record.quantity < 0:
        raise _error(Outcome.NEGATIVE_QUANTITY, record, tables)
    if record.quantity > most:
        raise _error(Outcome.QUANTITY_TOO_LARGE, record, tables)
    if not 0 <= record.value_micros <= MAX_VALUE:
        raise _error(Outcome.VALUE_OUT_OF_RANGE, record, tables)
    if not EARLIEST <= start < LATEST:
        raise _error(Outcome.START_OUT_OF_RANGE, record, tables)
    if start < tables.activations[0]:
        raise _error(Outcome.BEFORE_FIRST_VERSION, record, tables)


def _error(outcome: Outcome, record: UsageRecord, tables: Tables) -> RatingError:
    return error_for(
        outcome,
        tables.tariff,
        record.service,
        to_epoch(record.start),
        record.quantity,
        record.destination,
        record.visited_network,
        record.value_micros,
    )


def _rate_at(record: UsageRecord, tables: Tables, start: int, at: int) -> tuple[RateRow, int]:
    """The rate in force `at` so many base units into the record, and how far into it the rate stays in force."""
    lasting = record.service is Service.VOICE
    timeline = tables.timelines.covering(start, start + (record.quantity if lasting else 0))
    slot = timeline.slot_at(start + at if lasting else start)
    group = _group(record, tables, int(timeline.versions[slot]))
    if group == NO_RATE:
        raise _error(Outcome.NO_RATE, record, tables)
    schedule = tables.group_schedule[group]
    row = tables.rows[tables.group_rate[group, timeline.bands[slot, schedule]]]
    until = int(timeline.until[slot, schedule]) - start if lasting else record.quantity
    return row, min(until, record.quantity)


def _group(record: UsageRecord, tables: Tables, version: int) -> int:
    at_home = not record.visited_network or tables.home.find(record.visited_network)[0] == 0
    # A version's own lookups first, then its fallback's.
    for found in tables.versions[version]:
        zone, _ = found.zones.find(record.destination)
        number, _ = found.roaming.find(record.visited_network)
        roaming = 0 if at_home else number + 1 if number >= 0 else -1
        group = int(found.groups[SERVICE_CODES[record.service], roaming, zone])
        if group != NO_RATE:
            return group
    return NO_RATE
