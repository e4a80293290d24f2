"""What is a usage record to the rater, one by one and in columns, and when is it refused?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rating.errors import InvalidRecord
from rating.money import from_micros
from rating.services import SERVICE_CODES, SERVICES, Service
from rating.timeline import Ints, to_epoch

MAX_QUANTITY = 2**60
"""Base units in one record; an exbibyte of data."""
MAX_VALUE = 10**15
"""Micro-units of a record's own price: a thousand million."""
MAX_DURATION = 366 * 86_400
"""Seconds of one call. A longer one is a fault of its source, not usage."""
_INT64_MAX = 2**63 - 1
EARLIEST = 0
LATEST = 253_370_764_800
"""Starts lie in the years 1970 to 9998."""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One usage record."""

    service: Service
    start: datetime
    """Aware. Usage is placed on the whole second: fractions are dropped."""
    quantity: int
    """In the service's base unit: seconds, bytes, messages or events."""
    destination: str = ""
    """Number in international form, `+` optional, or a name such as a content class."""
    visited_network: str = ""
    """MCC-MNC without a separator; empty at home."""
    value_micros: int = 0
    """The record's own price in micro-units, such as a content provider's, of which rates may charge a percentage."""

    @property
    def value(self) -> Fraction:
        """The record's own price."""
        return from_micros(self.value_micros)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise InvalidRecord("start", self.start.isoformat(), "a moment with a time zone")
        if isinstance(self.quantity, bool) or not isinstance(self.quantity, int):
            raise InvalidRecord("quantity", self.quantity, f"a whole number of {self.service} base units")
        if isinstance(self.value_micros, bool) or not isinstance(self.value_micros, int):
            raise InvalidRecord("value_micros", self.value_micros, "a whole number of micro-units")


@dataclass(frozen=True, slots=True)
class UsageColumns:
    """Many usage records, one array a field, all of one length. Make them with `UsageColumns.of`."""

    service: NDArray[np.uint8]
    """Codes: the index in SERVICES."""
    start: Ints
    """Seconds since 1970, UTC."""
    quantity: Ints
    destination: NDArray[np.str_]
    visited_network: NDArray[np.str_] | None = None
    """None when every record is at home."""
    value_micros: Ints | None = None
    """None when no record has a price of its own."""

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(
        cls,
        *,
        service: Service | Sequence[Service] | NDArray[Any],
        start: Sequence[datetime] | NDArray[Any],
        quantity: Sequence[int] | NDArray[Any],
        destination: str | Sequence[str] | NDArray[Any] = "",
        visited_network: str | Sequence[str] | NDArray[Any] = "",
        value_micros: Sequence[int] | NDArray[Any] | None = None,
    ) -> "UsageColumns":
        """Columns from what a caller has: lists or arrays, a scalar where all records are alike.

        `service`: members of Service, their names, or integer codes. `start`: aware datetimes, datetime64 (UTC) or
        integer seconds since 1970. `quantity`: integers; a float is refused with InvalidRecord. Any: any integer,
        datetime64 or string dtype.
        """
        starts = _starts(start)
        count = len(starts)
        networks = _strings("visited_network", visited_network, count)
        return cls(
            service=_services(service, count),
            start=starts,
            quantity=_integers("quantity", quantity, count),
            destination=_strings("destination", destination, count),
            visited_network=networks if networks.dtype.itemsize and (networks != "").any() else None,
            value_micros=None if value_micros is None else _integers("value_micros", value_micros, count),
        )

    @classmethod
    def from_records(cls, records: Iterable[UsageRecord]) -> "UsageColumns":
        """Columns from single records."""
        rows = list(records)
        return cls.of(
            service=[row.service for row in rows],
            start=[row.start for row in rows],
            quantity=[row.quantity for row in rows],
            destination=[row.destination for row in rows],
            visited_network=[row.visited_network for row in rows],
            value_micros=[row.value_micros for row in rows] if any(row.value_micros for row in rows) else None,
        )

    def rows(self, chosen: slice | NDArray[Any]) -> "UsageColumns":
        """The columns of some rows. Any: an index array of any integer or boolean dtype."""
        networks, values = self.visited_network, self.value_micros
        return UsageColumns(
            self.service[chosen],
            self.start[chosen],
            self.quantity[chosen],
            self.destination[chosen],
            None if networks is None else networks[chosen],
            None if values is None else values[chosen],
        )


def _services(service: Service | Sequence[Service] | NDArray[Any], count: int) -> NDArray[np.uint8]:
    if isinstance(service, str):
        return np.full(count, SERVICE_CODES[Service(service)], np.uint8)
    values = np.asarray(service)
    if values.dtype.kind in "iu":
        if len(values) and not 0 <= values.min() <= values.max() < len(SERVICES):
            raise InvalidRecord("service", int(values.max()), f"codes from 0 to {len(SERVICES) - 1}")
        codes = values
    else:
        names, which = np.unique(values.astype(np.str_), return_inverse=True)
        known = {str(name): code for name, code in SERVICE_CODES.items()}
        unknown = [str(name) for name in names if str(name) not in known]
        if unknown:
            raise InvalidRecord("service", unknown[0], f"one of {', '.join(SERVICES)}")
        codes = np.array([known[str(name)] for name in names], np.uint8)[which]
    _same_length("service", len(codes), count)
    return codes.astype(np.uint8, copy=False)


def _starts(start: Sequence[datetime] | NDArray[Any]) -> Ints:
    if isinstance(start, np.ndarray):
        if start.dtype.kind == "M":
            if np.isnat(start).any():
                raise InvalidRecord("start", "NaT", "a moment in every row")
            return np.floor_divide(start.astype("datetime64[us]").astype(np.int64), 1_000_000)
        if start.dtype.kind in "iu":
            return start.astype(np.int64, copy=False)
        raise InvalidRecord("start", str(start.dtype), "datetime64 or integer seconds since 1970")
    naive = next((moment for moment in start if moment.tzinfo is None), None)
    if naive is not None:
        raise InvalidRecord("start", naive.isoformat(), "a moment with a time zone")
    return np.array([to_epoch(moment) for moment in start], np.int64)


def _integers(field: str, numbers: Sequence[int] | NDArray[Any], count: int) -> Ints:
    values = np.asarray(numbers)
    if len(values) and values.dtype.kind not in "iuO":
        raise InvalidRecord(field, str(values.dtype), "whole numbers")
    if values.dtype.kind in "uO":
        odd = next((v for v in values if isinstance(v, bool) or not isinstance(v, int | np.integer)), None)
        if odd is not None:
            raise InvalidRecord(field, odd, "a whole number")
        # What does not fit 64 bits is out of range anyhow; clipped, it is refused with its own record and no other.
        values = np.array([min(max(int(v), -_INT64_MAX), _INT64_MAX) for v in values], np.int64)
    _same_length(field, len(values), count)
    return values.astype(np.int64, copy=False)


def _strings(field: str, strings: str | Sequence[str] | NDArray[Any], count: int) -> NDArray[np.str_]:
    if isinstance(strings, str):
        return np.full(count, strings)
    values = np.asarray(strings, np.str_) if len(strings) else np.zeros(0, "U1")
    _same_length(field, len(values), count)
    return values


def _same_length(field: str, length: int, count: int) -> None:
    if length != count:
        raise InvalidRecord(field, f"{length} rows", f"{count} rows, as many as starts")
