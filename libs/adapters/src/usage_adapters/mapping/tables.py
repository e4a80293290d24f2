"""What do lookup tables hold: a subscription for each MSISDN, a value for each key?"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usage_adapters.errors import OptionError


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A CSV file's column by another; it is held in memory whole (about 200 bytes an entry)."""

    entries: Mapping[str, str]
    digest: str
    """Of the file."""


def load_table(file: Path, key: str, value: str, *, delimiter: str = ",", option: str = "table") -> LookupTable:
    """Raises OptionError with file, line and what is wrong. A key that comes twice with two values is refused."""
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise OptionError(option, f"{file} can't be read: {error.strerror}", expected="a CSV file") from error
    except UnicodeDecodeError as error:
        raise OptionError(option, f"{file} is not UTF-8", expected="a CSV file in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    entries: dict[str, str] = {}
    try:
        names = [name.strip() for name in next(reader, [])]
        for wanted in (key, value):
            if wanted not in names:
                expected = f"the columns {key} and {value} in the first line"
                raise OptionError(option, f"{file} has no column {wanted}", expected=expected)
        places = names.index(key), names.index(value)
        for row in reader:
            if row:
                _add(entries, row, places, f"{file}, line {reader.line_num}", option)
    except csv.Error as error:
        raise OptionError(option, f"{file}, line {reader.line_num}: {error}", expected="sound CSV") from error
    return LookupTable(entries, hashlib.blake2b(content, digest_size=16).hexdigest())


def _add(entries: dict[str, str], row: list[str], places: tuple[int, int], where: str, option: str) -> None:
    if len(row) <= max(places):
        raise OptionError(option, f"{where} has {len(row)} columns", expected=f"at least {max(places) + 1}")
    key, value = row[places[0]].strip(), row[places[1]].strip()
    if not key or not value:
        raise OptionError(option, f"{where} has an empty key or value", expected="both")
    if entries.setdefault(key, value) != value:
        raise OptionError(option, f"{where} gives {key} a second value", expected="each key once")
