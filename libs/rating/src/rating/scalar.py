"""What does one record cost? The readable path: Python integers and fractions, one change of rate after another."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from rating.charge import Charge, Portion, Rating
from rating.errors import RatingError
from rating.outcome import Outcome, error_for
from rating.record import EARLIEST, LATEST, MAX_DURATION, MAX_QUANTITY, UsageRecord
from rating.tables import NO_RATE, RateRow, Tables, tables_of
from rating.tariff import SERVICE_CODES, Service, Step, Tariff
from rating.timeline import from_epoch, to_epoch


def rate(record: UsageRecord, tariff: Tariff) -> Rating:
    """The record's charges.

    Raises InvalidRecord for a record that no tariff could rate, Unrated where this tariff has no price for it.
    """
    tables = tables_of(tariff)
    start = to_epoch(record.start)
    _check(record, tables, start)
    charges: list[Charge] = []
    for row, offset, used, portions in _pieces(record, tables, start):
        fee = row.rate.connection_fee if not charges and record.quantity else Fraction(0)
        exact = sum((portion.exact for portion in portions), fee)
        charges.append(
            Charge(
                line=row.rate.line,
                service=record.service,
                zone=row.rate.zone,
                band=row.rate.band,
                roaming=row.rate.roaming,
                version=tariff.versions[row.version].active_from,
                start=from_epoch(start + offset if record.service is Service.VOICE else start),
                quantity=used,
                portions=portions,
                connection_fee=fee,
                exact=exact,
                amount=exact,
            )
        )
    return Rating(_rounded(charges, tariff), tariff.record_rounding)


def _check(record: UsageRecord, tables: Tables, start: int) -> None:
    most = MAX_DURATION if record.service is Service.VOICE else MAX_QUANTITY
    if record.quantity < 0:
        raise _error(Outcome.NEGATIVE_QUANTITY, record, tables)
    if record.quantity > most:
        raise _error(Outcome.QUANTITY_TOO_LARGE, record, tables)
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
    )


def _pieces(record: UsageRecord, tables: Tables, start: int) -> Iterator[tuple[RateRow, int, int, tuple[Portion, ...]]]:
    """(rate, offset, base units used, increments) of each stretch, in order."""
    at = 0
    while at == 0 or at < record.quantity:
        row, until = _rate_at(record, tables, start, at)
        portions = lay(row.rate.steps, at, until)
        end = at + sum(portion.units for portion in portions)
        yield row, at, min(end, record.quantity) - at, portions
        if end == 0:
            return
        at = end


def lay(steps: tuple[Step, ...], at: int, until: int) -> tuple[Portion, ...]:
    """Increments end to end from `at` until at least `until`, by step."""
    portions = []
    for number, step in enumerate(steps):
        stop = min(until, steps[number + 1].after) if number + 1 < len(steps) else until
        if at < stop:
            count = -((at - stop) // step.increment)
            portions.append(Portion(count, step.increment, step.price))
            at += count * step.increment
    return tuple(portions)


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
    found = tables.versions[version]
    zone, _ = found.zones.find(record.destination)
    roaming = 0
    if record.visited_network and tables.home.find(record.visited_network)[0] != 0:
        number, _ = found.roaming.find(record.visited_network)
        roaming = number + 1 if number >= 0 else -1
    return int(found.groups[SERVICE_CODES[record.service], roaming, zone])


def _rounded(charges: list[Charge], tariff: Tariff) -> tuple[Charge, ...]:
    """The record is rounded once; each charge is what the rounded running total grew by."""
    rounding = tariff.record_rounding
    if rounding is None:
        return tuple(charges)
    rounded: list[Charge] = []
    exact = before = Fraction(0)
    for charge in charges:
        exact += charge.exact
        after = rounding.apply(exact)
        rounded.append(replace(charge, amount=after - before))
        before = after
    return tuple(rounded)
