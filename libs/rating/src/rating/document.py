"""Which tariff does a document (YAML or JSON text) describe, or what is wrong with it?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rating.calendar import YEARS
from rating.checks import check_calendars, check_version
from rating.currencies import MINOR_UNITS
from rating.deck import Deck
from rating.nodes import tariff_of
from rating.source import Path, Source
from rating.tariff import Tariff


def load_tariff(text: str, decks: Mapping[str, Deck] | None = None) -> Tariff:
    """The tariff that a document describes; `decks` are the rate decks that its versions may name.

    Raises DocumentError with every problem at once: path, line, column, value and expectation of each.
    """
    source = Source(text)
    source.validate()
    document = source.value if isinstance(source.value, dict) else {}
    zone = _check_head(source, document)
    versions = document.get("versions")
    count = len(versions) if isinstance(versions, list) else 0
    activations = [_activation(source, number, zone) for number in range(count)]
    _check_order(source, activations)
    calendars = check_calendars(source, document)
    for number in range(count):
        check_version(source, number, calendars, decks or {})
    source.finish()
    return tariff_of(document, [moment for moment in activations if moment], decks or {})


def _check_head(source: Source, document: dict[str, Any]) -> ZoneInfo | None:
    """Any: a document's values, checked by the schema or noted as problems already."""
    currency, name = document.get("currency"), document.get("time_zone")
    if currency and source.is_sound("currency") and currency not in MINOR_UNITS:
        source.refuse(("currency",), currency, "a currency code of ISO 4217")
    if name and source.is_sound("time_zone"):
        try:
            return ZoneInfo(name)
        except (ValueError, KeyError, OSError):  # a malformed, an unknown, and half a name such as "Europe"
            source.refuse(("time_zone",), name, 'an IANA time zone such as "Europe/Vienna"')
    return None


def _activation(source: Source, number: int, zone: ZoneInfo | None) -> datetime | None:
    path: Path = ("versions", number, "from")
    version = source.value["versions"][number]
    if not isinstance(version, dict) or "from" not in version or not source.is_sound(*path):
        return None
    try:
        moment = datetime.fromisoformat(version["from"])
    except ValueError:
        source.refuse(path, version["from"], 'a moment such as "2026-01-01" or "2026-01-01T06:00:00+01:00"')
        return None
    if moment.tzinfo is None and zone is None:
        return None  # the time zone itself is refused already
    if moment.year not in YEARS or moment.microsecond:
        source.refuse(path, version["from"], "a whole second in the years 1971 to 8999")
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _check_order(source: Source, activations: list[datetime | None]) -> None:
    for number in range(1, len(activations)):
        before, after = activations[number - 1], activations[number]
        if before and after and after <= before:
            path: Path = ("versions", number, "from")
            source.refuse(path, after.isoformat(), f"a moment after the version before it, {before.isoformat()}")
