"""Is a file a switch's call records (FreeSWITCH mod_cdr_csv, Asterisk cdr_csv), and which adapter reads it?

Both are mappings of this package (built_in/), so that a provider's mapping may extend them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from usage_adapters.mapping.compile import compile_mapping
from usage_adapters.mapping.document import built_in
from usage_adapters.reading import Adapter, Format, Options

_STAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AMA_FLAGS: Final = frozenset({"OMIT", "BILLING", "DOCUMENTATION", "DEFAULT", "Unknown", "IGNORE", "0", "1", "2", "3"})
_DISPOSITIONS: Final = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "UNKNOWN"})
_LINES: Final = 20
_SURE: Final = 0.95


def sniff_asterisk(head: bytes) -> float:
    return _share(head, _is_asterisk)


def sniff_freeswitch(head: bytes) -> float:
    return _share(head, _is_freeswitch)


def make_asterisk(options: Options) -> Adapter:
    return compile_mapping(replace(options, mapping=built_in("asterisk-csv")))


def make_freeswitch(options: Options) -> Adapter:
    return compile_mapping(replace(options, mapping=built_in("freeswitch-csv")))


def _is_asterisk(row: Sequence[str]) -> bool:
    return (
        len(row) in {16, 17, 18, 21}
        and _STAMP.fullmatch(row[9]) is not None
        and row[12].isdecimal()
        and row[13].isdecimal()
        and row[14] in _DISPOSITIONS
        and row[15] in _AMA_FLAGS
    )


def _is_freeswitch(row: Sequence[str]) -> bool:
    return (
        len(row) in {13, 15}
        and _STAMP.fullmatch(row[4]) is not None
        and row[8].isdecimal()
        and _UUID.fullmatch(row[10]) is not None
    )


def _share(head: bytes, fits: Callable[[Sequence[str]], bool]) -> float:
    """How many of the first whole lines fit; one broken line among them doesn't hide the format."""
    lines = head.decode("utf-8", "replace").split("\n")
    whole = [line for line in (lines[:-1] or lines) if line.strip()][:_LINES]
    if not whole:
        return 0.0
    return _SURE * sum(fits(_cells(line)) for line in whole) / len(whole)


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.rstrip("\r")], skipinitialspace=True), [])]
    except csv.Error:
        return []


FORMATS: Final = (
    Format(
        "asterisk-csv", "Asterisk's Master.csv (cdr_csv); needs source and time zone", sniff_asterisk, make_asterisk
    ),
    Format("freeswitch-csv", "FreeSWITCH's mod_cdr_csv; needs source and time zone", sniff_freeswitch, make_freeswitch),
)
