"""What does a TAP file say of itself, before and after its events?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from usage_adapters.errors import FileRefusedError
from usage_adapters.moments import MICROS
from usage_adapters.tap.decoding import Tree, digits, text

SPECIFICATION: Final = 3
RELEASE: Final = 12
_TADIG: Final = re.compile(r"[A-Z0-9]{5}")
_SEQUENCE: Final = re.compile(r"[0-9]{5}")
_OFFSET: Final = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_LOCAL: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")
_MOST_OFFSET: Final = 14 * 60
_MOST_MINUTES: Final = 59
_MOST_DECIMALS: Final = 6
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # wall clocks are compared with it


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """How the file's currency and the local one relate: `rate / 10 ** decimals`."""

    rate: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Header:
    """What events refer to."""

    sender: str
    """TADIG code of the visited network."""
    recipient: str
    """TADIG code of the home network."""
    sequence: str
    """File sequence number, five digits."""
    release: int
    is_test: bool
    is_notification: bool
    local_currency: str = ""
    tap_currency: str = ""
    decimals: int | None = None
    """Of amounts in the file."""
    offsets: Mapping[int, int] = field(default_factory=dict)
    """Minutes from UTC by code."""
    entities: Mapping[int, str] = field(default_factory=dict)
    """Recording entities by code."""
    rates: Mapping[int, ExchangeRate] = field(default_factory=dict)
    """By code."""
    taxes: Mapping[int, str] = field(default_factory=dict)
    """Type and rate by code: "13 at 19.00000"."""
    list_end: int | None = None
    """Offset behind the list of events, where its length says it."""

    def as_json(self) -> str:
        """For a Mark or a Chunk's context."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text_: str) -> Header:
        """Raises FileRefusedError when it is none."""
        try:
            found = json.loads(text_)
            for name in ("offsets", "entities", "taxes"):
                found[name] = {int(code): value for code, value in found[name].items()}
            found["rates"] = {int(code): ExchangeRate(**value) for code, value in found["rates"].items()}
            return cls(**found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileRefusedError("what was kept of the file's header can't be read; --again starts anew") from error

    def micros(self, stamp: Tree) -> int:
        """A moment in UTC, from an event's local time and the code of its offset. Raises ValueError."""
        code = stamp.get("utcTimeOffsetCode")
        if not isinstance(code, int) or code not in self.offsets:
            raise ValueError(f"utcTimeOffsetCode {code}, which the network information lists")
        return local_micros(stamp.get("localTimeStamp", b"")) - self.offsets[code] * 60 * MICROS


def local_micros(value: bytes) -> int:
    """A wall clock's time. Raises ValueError."""
    match = _LOCAL.fullmatch(text(value))
    if match is None:
        raise ValueError("a time like 20260131120000")
    try:
        local = datetime(*map(int, match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001  # six parts; a wall clock's
    except ValueError as error:
        raise ValueError("a time that there is") from error
    return (local - _EPOCH) // timedelta(microseconds=1)


def offset_minutes(value: bytes) -> int:
    """Minutes from UTC. Raises ValueError."""
    match = _OFFSET.fullmatch(text(value))
    if match is None or int(match[3]) > _MOST_MINUTES or int(match[2]) * 60 + int(match[3]) > _MOST_OFFSET:
        raise ValueError("an offset from UTC like +0100")
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def stamp_micros(stamp: Tree) -> int:
    """A moment of the file itself, whose offset stands beside it. Raises ValueError."""
    return (
        local_micros(stamp.get("localTimeStamp", b"")) - offset_minutes(stamp.get("utcTimeOffset", b"")) * 60 * MICROS
    )


def header_of(control: Tree, *, is_notification: bool) -> Header:
    """From BatchControlInfo or Notification. Raises FileRefusedError."""
    sender, recipient = (
        _named(control, name, _TADIG, "a TADIG code of five symbols") for name in ("sender", "recipient")
    )
    sequence = _named(control, "fileSequenceNumber", _SEQUENCE, "five digits")
    specification, release = control.get("specificationVersionNumber"), control.get("releaseVersionNumber")
    if specification != SPECIFICATION or not isinstance(release, int) or not 1 <= release <= RELEASE:
        raise FileRefusedError(
            f"it is TAP {specification}.{release}", expected=f"TAP {SPECIFICATION}.1 to {SPECIFICATION}.{RELEASE}"
        )
    kind = text(control.get("fileTypeIndicator", b""))
    return Header(sender, recipient, sequence, release, kind == "T", is_notification)


def with_accounting(header: Header, accounting: Tree) -> Header:
    """Raises FileRefusedError."""
    decimals = accounting.get("tapDecimalPlaces")
    if not isinstance(decimals, int) or not 0 <= decimals <= _MOST_DECIMALS:
        raise FileRefusedError(f"accountingInfo.tapDecimalPlaces: {decimals}", expected=f"0 to {_MOST_DECIMALS}")
    rates = {
        _code(each, "exchangeRateCode", "currencyConversionInfo"): ExchangeRate(
            _whole(each, "exchangeRate"), _whole(each, "numberOfDecimalPlaces")
        )
        for each in accounting.get("currencyConversionInfo", [])
    }
    taxes = {
        _code(each, "taxCode", "taxation"): f"{text(each.get('taxType', b''))} at {tax_rate(each)}"
        for each in accounting.get("taxation", [])
    }
    return replace(
        header,
        local_currency=text(accounting.get("localCurrency", b"")),
        tap_currency=text(accounting.get("tapCurrency", b"")),
        decimals=decimals,
        rates=rates,
        taxes=taxes,
    )


def tax_rate(tax: Tree) -> str:
    """Percent: seven digits, five of them decimals; empty where a tax is no share."""
    value = text(tax.get("taxRate", b""))
    return f"{int(value[:-5] or 0)}.{value[-5:]}" if value.isdecimal() and len(value) > 5 else value  # noqa: PLR2004  # see above


def with_network(header: Header, network: Tree) -> Header:
    """Raises FileRefusedError."""
    offsets = {}
    for each in network.get("utcTimeOffsetInfo", []):
        code = _code(each, "utcTimeOffsetCode", "utcTimeOffsetInfo")
        try:
            offsets[code] = offset_minutes(each.get("utcTimeOffset", b""))
        except ValueError as error:
            raise FileRefusedError(f"networkInfo.utcTimeOffsetInfo {code}", expected=str(error)) from error
    entities = {
        _code(each, "recEntityCode", "recEntityInfo"): text(each.get("recEntityId", b""))
        for each in network.get("recEntityInfo", [])
    }
    return replace(header, offsets=offsets, entities=entities)


def _named(control: Tree, name: str, rule: re.Pattern[str], expected: str) -> str:
    value = text(control.get(name, b""))
    if not rule.fullmatch(value):
        raise FileRefusedError(f"{name}: {value[:20]!r}", expected=expected)
    return value


def _code(tree: Tree, name: str, where: str) -> int:
    return _whole(tree, name, f"{where}.{name}")


def _whole(tree: Tree, name: str, where: str = "") -> int:
    value = tree.get(name)
    if not isinstance(value, int):
        raise FileRefusedError(f"{where or name} is missing", expected="a whole number")
    return value


def utc_text(micros: int) -> str:
    """How a moment is shown."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def number_of(value: bytes | None) -> str:
    """The digits of a number, empty when there is none. Raises ValueError."""
    return digits(value) if value else ""
