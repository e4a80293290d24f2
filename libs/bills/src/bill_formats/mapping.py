"""How does a provider say what its own words for lines, codes and subscriptions mean?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from bill_formats.reading import LINE_TYPES

_KEYS: Final = {
    "time_zone",
    "subscription",
    "subscriptions",
    "line_types",
    "charge_code",
    "charge_codes",
    "columns",
    "csv",
}
_CSV_KEYS: Final = {"delimiter", "encoding", "decimal_comma", "currency"}


class MappingError(Exception):
    """The document is no mapping; the message names the entry, its value and what was expected."""


@dataclass(frozen=True, slots=True)
class CsvShape:
    """How a CSV file is written."""

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal_comma: bool = False
    currency: str = ""
    """Of all amounts, where no column has it."""


@dataclass(frozen=True, slots=True)
class BillMapping:
    """What a provider's words mean. Every part has a default per format."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Of times and dates that name none."""
    subscription: str = ""
    """Where the subscription stands, in the format's own terms; empty: the format's default."""
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    """Subscriptions by what stands there; what isn't named is the subscription itself."""
    line_types: Mapping[str, int] = field(default_factory=dict)
    """Types of lines by the provider's words."""
    charge_code: str = ""
    """Where the charge code stands."""
    charge_codes: Mapping[str, str] = field(default_factory=dict)
    """Codes of the tariff by the provider's."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """CSV: by field of a bill or line, the column."""
    csv: CsvShape = CsvShape()


def load_mapping(text: str) -> BillMapping:
    """The mapping that a YAML document declares. Raises MappingError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MappingError(f"no YAML: {error}") from error
    _check("the document", document, _KEYS)
    shape = document.get("csv", {})
    _check("csv", shape, _CSV_KEYS)
    return BillMapping(
        zone=_zone(document.get("time_zone", "UTC")),
        subscription=_text("subscription", document.get("subscription", "")),
        subscriptions=_texts("subscriptions", document.get("subscriptions", {})),
        line_types={word: _line_type(word, name) for word, name in _map("line_types", document).items()},
        charge_code=_text("charge_code", document.get("charge_code", "")),
        charge_codes=_texts("charge_codes", document.get("charge_codes", {})),
        columns=_texts("columns", document.get("columns", {})),
        csv=CsvShape(**shape),
    )


def _check(name: str, node: Any, keys: set[str]) -> None:  # Any: a node of the document, checked here
    if not isinstance(node, dict) or not set(node) <= keys:
        found = sorted(map(str, node)) if isinstance(node, dict) else node
        raise MappingError(f"{name}: {found!r}: expected a map with some of {', '.join(sorted(keys))}")


def _map(name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: see _check
    node = document.get(name, {})
    if not isinstance(node, dict):
        raise MappingError(f"{name}: {node!r}: expected a map")
    return {str(key): value for key, value in node.items()}


def _texts(name: str, node: Any) -> Mapping[str, str]:  # Any: see _check
    if not isinstance(node, dict) or not all(isinstance(value, str | int) for value in node.values()):
        raise MappingError(f"{name}: {node!r}: expected a map of texts")
    return {str(key): str(value) for key, value in node.items()}


def _text(name: str, node: Any) -> str:  # Any: see _check
    if not isinstance(node, str):
        raise MappingError(f"{name}: {node!r}: expected a text")
    return node


def _line_type(word: str, name: Any) -> int:  # Any: see _check
    if name not in LINE_TYPES:
        raise MappingError(f"line_types.{word}: {name!r}: expected one of {', '.join(LINE_TYPES)}")
    return LINE_TYPES[name]


def _zone(name: Any) -> ZoneInfo:  # Any: see _check
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        raise MappingError(f"time_zone: {name!r}: expected an IANA time zone") from None
