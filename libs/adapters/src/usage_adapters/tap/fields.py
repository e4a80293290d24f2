"""What stands in the parts of a call event, and what is said when it isn't there?"""

from __future__ import annotations

from typing import Final

from usage_adapters.reading import Reason
from usage_adapters.tap.decoding import Tree, digits, text

_DURATION: Final = "D"
_IMSI: Final = 1
_MSISDN: Final = 2
"""Kinds of customer identifiers, as chargedPartyIdType and customerIdType have them."""
_MOST_SECONDS: Final = 366 * 86_400
_MOST_UNITS: Final = 2**50
LONGEST: Final = 64
"""Characters of a destination."""


class EventFault(ValueError):  # noqa: N818  # raised for one event and always caught by its reader
    """An event is no usage; the severe errors of TAP."""

    def __init__(self, field: str, value: str, expected: str, reason: Reason = Reason.INVALID_VALUE) -> None:
        super().__init__(expected)
        self.field = field
        self.value = value
        self.expected = expected
        self.reason = reason


def part_of(tree: Tree, name: str) -> Tree:
    found = tree.get(name)
    if not isinstance(found, dict):
        raise EventFault("", name, f"{name}, which the event needs", Reason.MISSING_VALUE)
    return found


def stamp_in(tree: Tree, name: str) -> Tree:
    found = tree.get(name)
    if not isinstance(found, dict):
        raise EventFault("start_time", "", name, Reason.MISSING_VALUE)
    return found


def subscriber_of(basic: Tree) -> tuple[str, str]:
    """IMSI and MSISDN of the chargeable subscriber."""
    choice = basic.get("chargeableSubscriber")
    if choice is None:
        raise EventFault("subscription", "", "a chargeable subscriber", Reason.MISSING_VALUE)
    kind, found = choice
    if kind == "minChargeableSubscriber":
        return text(found.get("min", b"")), text(found.get("mdn", b""))
    return digits_of(found.get("imsi"), "imsi"), digits_of(found.get("msisdn"), "msisdn")


def charged_party(event: Tree) -> tuple[str, str]:
    party = part_of(event, "chargedParty")
    return digits_of(party.get("imsi"), "imsi"), digits_of(party.get("msisdn"), "msisdn")


def identified_by(found: list[Tree], kind: str, name: str) -> tuple[str, str]:
    by_kind = {each.get(kind): text(each.get(name, b"")) for each in found}
    return by_kind.get(_IMSI, ""), by_kind.get(_MSISDN, "")


def number_called(destination: Tree, other: str) -> tuple[str, bool]:
    """The number that was called: international where the network made it so, else as it was dialled."""
    if "calledNumber" in destination:
        return digits_of(destination["calledNumber"], "calledNumber"), False
    return text(destination.get(other, b""))[:LONGEST], True


def digits_of(value: bytes | None, name: str, *, is_text: bool = False) -> str:
    if not value:
        return ""
    if is_text:
        return text(value)[:LONGEST]
    try:
        return digits(value)
    except ValueError:
        raise EventFault("destination" if "umber" in name else "subscription", "", f"digits in {name}") from None


def teleservice_of(event: Tree) -> str:
    used = event.get("basicServiceUsedList", [])
    choice = used[0].get("basicService", {}).get("serviceCode") if used else None
    return text(choice[1]) if choice is not None and choice[0] == "teleServiceCode" else ""


def seconds_of(total: int | None, used: list[Tree]) -> int:
    if total is None:
        total = sum(units_charged(each.get("chargeInformationList", []), (_DURATION,)) or 0 for each in used)
    seconds = whole_units(total, "totalCallEventDuration")
    if seconds > _MOST_SECONDS:
        raise EventFault("quantity", str(seconds), f"at most {_MOST_SECONDS} seconds")
    return seconds


def units_charged(charges: list[Tree], items: tuple[str, ...]) -> int | None:
    """Chargeable units of the first of these items, of its total charge."""
    for item in items:
        found: list[int] = [
            detail["chargeableUnits"]
            for charge in charges
            if text(charge.get("chargedItem", b"")) == item
            for detail in charge.get("chargeDetailList", [])[:1]
            if "chargeableUnits" in detail
        ]
        if found:
            return sum(found)
    return None


def whole_units(value: int, name: str) -> int:
    if not 0 <= value < _MOST_UNITS:
        raise EventFault("quantity", str(value)[:40], f"{name} of 0 to 2^50")
    return value


def cell_of(place: Tree) -> str:
    parts = [str(place[name]) for name in ("locationArea", "cellId") if name in place]
    return "-".join(parts)[:LONGEST]


def served_in(event: Tree) -> str:
    return served_by(event.get("locationInformation", {}))


def served_by(tree: Tree) -> str:
    return text(tree.get("geographicalLocation", {}).get("servingNetwork", b""))
