"""What became of each record of a batch, in codes, and which error does each code stand for?"""

from enum import IntEnum

from rating.errors import InvalidRecord, RatingError, Unrated
from rating.record import MAX_DURATION, MAX_QUANTITY, MAX_VALUE
from rating.services import BASE_UNIT, Service
from rating.tariff import Tariff
from rating.timeline import from_epoch


class Outcome(IntEnum):
    """One record's outcome."""

    RATED = 0
    NEGATIVE_QUANTITY = 1
    QUANTITY_TOO_LARGE = 2
    START_OUT_OF_RANGE = 3
    BEFORE_FIRST_VERSION = 4
    NO_RATE = 5
    VALUE_OUT_OF_RANGE = 6


def error_for(
    outcome: Outcome,
    tariff: Tariff,
    service: Service,
    start: int,
    quantity: int,
    destination: str,
    network: str,
    value_micros: int,
) -> RatingError:
    """The error that the record-by-record path raises where a batch reports `outcome`."""
    unit = BASE_UNIT[service]
    if outcome is Outcome.NEGATIVE_QUANTITY:
        return InvalidRecord("quantity", quantity, f"a number of {unit}s, 0 or more")
    if outcome is Outcome.QUANTITY_TOO_LARGE:
        most = MAX_DURATION if service is Service.VOICE else MAX_QUANTITY
        return InvalidRecord("quantity", quantity, f"at most {most} {unit}s")
    if outcome is Outcome.VALUE_OUT_OF_RANGE:
        return InvalidRecord("value_micros", value_micros, f"a number of micro-units from 0 to {MAX_VALUE}")
    if outcome is Outcome.START_OUT_OF_RANGE:
        return InvalidRecord("start", start, "a moment in the years 1970 to 9998")
    if outcome is Outcome.BEFORE_FIRST_VERSION:
        first = tariff.versions[0].active_from.isoformat()
        return Unrated("start", from_epoch(start).isoformat(), f"{first} or later, when tariff {tariff.id} starts")
    where = f"visited network {network}" if network else "the home network"
    return Unrated("destination", destination, f"one that tariff {tariff.id} prices for {service} from {where}")
