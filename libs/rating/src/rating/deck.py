"""Which zones and rates does a rate deck in CSV hold, or what is wrong with it, line by line?

A deck has a header and one row a prefix. Columns: prefix, zone, price (required); per, increment, first_increment,
connection_fee, service, band, roaming, line. A zone's rows must agree in everything but the prefix.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rating.errors import DocumentError, Problem
from rating.money import parse_amount
from rating.prices import Rate, Step
from rating.services import BASE_UNIT, UNIT_SIZES, Service
from rating.tariff import Zone

COLUMNS = (
    "prefix",
    "zone",
    "price",
    "per",
    "increment",
    "first_increment",
    "connection_fee",
    "service",
    "band",
    "roaming",
    "line",
)
REQUIRED = COLUMNS[:3]
_TERMS = ("price", "per", "increment", "first_increment", "connection_fee", "line")
"""What the rows of a zone must agree in."""
MOST_PROBLEMS = 1000
"""A deck of another format has something wrong in every row: enough are reported to see what."""
_PREFIX = re.compile(r"\+?[0-9*#]{1,15}")
_MAX_ZONE = 80
_Key = tuple[str, str, str, str]
"""Zone, service, band, roaming."""


@dataclass(frozen=True, slots=True)
class Deck:
    """The zones and rates of a rate deck."""

    zones: tuple[Zone, ...]
    rates: tuple[Rate, ...]


def load_deck(lines: Iterable[str]) -> Deck:
    """The deck that lines of CSV hold (comma, semicolon or tab; a text is read by `text.splitlines()`).

    Raises DocumentError with the line, column, value and expectation of each problem.
    """
    reader = _Reader()
    source = iter(lines)
    header = next(source, "")
    delimiter = max(",;\t", key=header.count)
    reader.header(next(csv.reader([header], delimiter=delimiter), []))
    rows = csv.reader(source, delimiter=delimiter)
    try:
        for row in rows:
            reader.line = rows.line_num + 1
            if row:
                reader.row(row)
    except csv.Error as error:
        raise DocumentError((Problem("row", rows.line_num + 1, 1, "the text", f"sound CSV ({error})"),)) from error
    return reader.deck()


class _Reader:
    def __init__(self) -> None:
        self.line = 1
        self._at: dict[str, int] = {}
        self._width = 0
        self._problems: list[Problem] = []
        self._prefixes: dict[str, tuple[str, int]] = {}
        self._zones: dict[str, list[str]] = {}
        self._rates: dict[_Key, tuple[tuple[str, ...], int, Rate | None]] = {}

    def header(self, names: Sequence[str]) -> None:
        names = [name.strip().lower().removeprefix("\ufeff") for name in names]
        self._at = {name: position for position, name in enumerate(names)}
        self._width = len(names)
        for position, name in enumerate(names):
            if name not in COLUMNS or self._at[name] != position:
                self._refuse("header", position, name, f"each of these columns once: {', '.join(COLUMNS)}")
        for name in REQUIRED:
            if name not in self._at:
                self._refuse("header", 0, ", ".join(names), f"a column {name}")
        if self._problems:
            raise DocumentError(tuple(self._problems))

    def row(self, row: Sequence[str]) -> None:
        if len(row) != self._width:
            self._refuse("row", 0, f"{len(row)} columns", f"{self._width} columns, as in the header")
            return
        prefix, zone = row[self._at["prefix"]].strip(), row[self._at["zone"]].strip()
        if self._prefix(prefix, zone) and self._rate(row, zone):
            self._zones[zone].append(prefix.removeprefix("+"))

    def _prefix(self, prefix: str, zone: str) -> bool:
        if not _PREFIX.fullmatch(prefix):
            self._refuse("prefix", self._at["prefix"], prefix, "1 to 15 digits, '*' or '#'")
            return False
        if not zone or len(zone) > _MAX_ZONE:
            self._refuse("zone", self._at["zone"], zone, f"a name of 1 to {_MAX_ZONE} characters")
            return False
        known, line = self._prefixes.setdefault(prefix.removeprefix("+"), (zone, self.line))
        if known != zone:
            self._refuse("prefix", self._at["prefix"], prefix, f"a prefix that isn't in {known} already (line {line})")
        self._zones.setdefault(zone, [])
        return known == zone

    def _rate(self, row: Sequence[str], zone: str) -> bool:
        """Take the row's price; whether its prefix is new in the zone."""
        key = (zone, self._field(row, "service") or "voice", self._field(row, "band"), self._field(row, "roaming"))
        terms = tuple(self._field(row, name) for name in _TERMS)
        if key not in self._rates:
            self._rates[key] = (terms, self.line, self._parse(key, terms))
        known, line, _ = self._rates[key]
        if known != terms:
            expected = f"the terms of {zone} on line {line}: {' '.join(filter(None, known))}"
            self._refuse("price", self._at["price"], " ".join(filter(None, terms)), expected)
        return self._prefixes[row[self._at["prefix"]].strip().removeprefix("+")][1] == self.line

    def _field(self, row: Sequence[str], name: str) -> str:
        return row[self._at[name]].strip() if name in self._at else ""

    def _parse(self, key: _Key, terms: tuple[str, ...]) -> Rate | None:
        zone, service_name, band, roaming = key
        price, per, increment, first_increment, fee, line = terms
        if service_name not in list(Service):
            self._refuse("service", self._at["service"], service_name, f"one of {', '.join(Service)}")
            return None
        service = Service(service_name)
        unit_price, connection = self._amount("price", price), self._amount("connection_fee", fee or "0")
        size = self._size("per", per or ("minute" if service is Service.VOICE else "1"), service)
        step, first = self._size("increment", increment or "1", service), None
        if first_increment:
            first = self._size("first_increment", first_increment, service)
        if unit_price is None or connection is None or size is None or step is None:
            return None
        steps = [Step(0, first, unit_price / size), Step(first, step, unit_price / size)] if first else []
        return Rate(
            line=line or service_name,
            service=service,
            zone=zone,
            band=band or None,
            roaming=roaming or None,
            steps=tuple(steps) or (Step(0, step, unit_price / size),),
            connection_fee=connection,
        )

    def _amount(self, name: str, text: str) -> Fraction | None:
        try:
            amount = parse_amount(text)
        except ValueError:
            amount = Fraction(-1)
        if amount < 0:
            self._refuse(name, self._at[name], text, 'an amount such as "0.085"')
            return None
        return amount

    def _size(self, name: str, text: str, service: Service) -> int | None:
        units = UNIT_SIZES[BASE_UNIT[service]]
        if text in units:
            return units[text]
        if re.fullmatch(r"[1-9][0-9]{0,11}", text):
            return int(text)
        self._refuse(name, self._at[name], text, f"a whole number of base units, or one of {', '.join(units)}")
        return None

    def _refuse(self, name: str, position: int, value: str, expected: str) -> None:
        path = name if name in {"header", "row"} else f"row.{name}"
        self._problems.append(Problem(path, self.line, position + 1, value[:60] or '""', expected))
        if len(self._problems) == MOST_PROBLEMS:
            raise DocumentError(tuple(self._problems))

    def deck(self) -> Deck:
        """Everything that was read; raises DocumentError when something was wrong."""
        if not self._zones and not self._problems:
            self._refuse("row", 0, "no row", "at least one row")
        if self._problems:
            raise DocumentError(tuple(self._problems))
        zones = tuple(Zone(zone, tuple(prefixes)) for zone, prefixes in self._zones.items())
        return Deck(zones, tuple(rate for *_, rate in self._rates.values() if rate))
