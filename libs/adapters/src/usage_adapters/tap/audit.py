"""Do a TAP file's events come to what its audit control information says?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from usage_adapters.errors import FileRefusedError
from usage_adapters.tap.decoding import Tree, text
from usage_adapters.tap.header import Header, stamp_micros, utc_text
from usage_adapters.tap.stamps import stamp_of

TOTAL: Final = "00"
"""The charge type that holds all others of its charge."""
_REFUND: Final = 1


@dataclass(frozen=True, slots=True)
class Charge:
    """One charged item of an event, in the file's smallest unit of money."""

    item: str
    """What was charged: D for duration, X for volume, E for the event and so on."""
    total: int
    rate_code: int | None
    taxes: tuple[tuple[int | None, int], ...] = ()
    """Code and amount of each."""
    discount: int = 0
    is_refund: bool = False


def charges_of(kind: str, event: Tree) -> Iterator[Charge]:
    """All charges of an event."""
    if kind == "messagingEvent":
        taxes = _taxes(event)
        yield Charge("E", _amount(event.get("charge")), event.get("exchangeRateCode"), taxes)
    yield from _charged(kind, event)
    camel = event.get("camelServiceUsed")
    if camel is not None and "camelInvocationFee" in camel:
        discount = _amount(camel.get("discountInformation", {}).get("discount"))
        rate = camel.get("exchangeRateCode")
        yield Charge("L", _amount(camel["camelInvocationFee"]), rate, _taxes(camel), discount)


def _charged(kind: str, event: Tree) -> Iterator[Charge]:
    for found, refund in _lists(kind, event):
        total = sum(
            _amount(detail.get("charge"))
            for detail in found.get("chargeDetailList", [])
            if text(detail.get("chargeType", b"")) == TOTAL
        )
        discount = _amount(found.get("discountInformation", {}).get("discount"))
        item = text(found.get("chargedItem", b""))
        yield Charge(item, total, found.get("exchangeRateCode"), _taxes(found), discount, refund)


def _lists(kind: str, event: Tree) -> Iterator[tuple[Tree, bool]]:
    """Each charge information, and whether it is a refund."""
    if kind in ("mobileOriginatedCall", "mobileTerminatedCall"):
        for used in event.get("basicServiceUsedList", []):
            yield from ((each, False) for each in used.get("chargeInformationList", []))
    elif kind == "supplServiceEvent":
        yield from ((each, False) for each in [event.get("supplServiceUsed", {}).get("chargeInformation")] if each)
    elif kind == "serviceCentreUsage":
        yield from ((each, False) for each in [event.get("chargeInformation")] if each)
    elif kind == "gprsCall":
        yield from ((each, False) for each in event.get("gprsServiceUsed", {}).get("chargeInformationList", []))
    elif kind == "contentTransaction":
        for used in event.get("contentServiceUsed", []):
            refund = used.get("chargeRefundIndicator") == _REFUND
            yield from ((each, refund) for each in used.get("chargeInformationList", []))
    elif kind == "locationService":
        yield from ((each, False) for each in event.get("locationServiceUsage", {}).get("chargeInformationList", []))
    elif kind == "mobileSession":
        yield from ((each, False) for each in event.get("sessionChargeInfoList", []))


def _taxes(tree: Tree) -> tuple[tuple[int | None, int], ...]:
    found: list[Tree] = tree.get("taxInformation") or tree.get("taxInformationList") or []
    return tuple((each.get("taxCode"), _amount(each.get("taxValue"))) for each in found)


def _amount(value: int | None) -> int:
    return value or 0


class Audit:
    """Adds up events, and compares."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self.count = 0
        self._charge = self._refund = self._tax = self._tax_refund = self._discount = self._discount_refund = 0
        self._earliest: int | None = None
        self._latest: int | None = None

    def add(self, kind: str, event: Tree) -> None:
        """One more event."""
        self.count += 1
        for charge in charges_of(kind, event):
            tax = sum(amount for _, amount in charge.taxes)
            if charge.is_refund:
                self._refund += charge.total
                self._tax_refund += tax
                self._discount_refund += charge.discount
            else:
                self._charge += charge.total
                self._tax += tax
                self._discount += charge.discount
        self._time(stamp_of(kind, event))

    def _time(self, stamp: Tree | None) -> None:
        if stamp is None:
            return
        try:
            micros = self._header.micros(stamp)
        except ValueError:
            return  # the event will be rejected for it
        self._earliest = micros if self._earliest is None else min(self._earliest, micros)
        self._latest = micros if self._latest is None else max(self._latest, micros)

    def reconcile(self, audit: Tree) -> dict[str, str]:
        """The totals, as they are shown. Raises FileRefusedError where the file contradicts itself."""
        shown = {}
        for name, counted, needed in (
            ("callEventDetailsCount", self.count, True),
            ("totalCharge", self._charge, True),
            ("totalChargeRefund", self._refund, bool(self._refund)),
            ("totalTaxValue", self._tax, bool(self._tax)),
            ("totalTaxRefund", self._tax_refund, bool(self._tax_refund)),
            ("totalDiscountValue", self._discount, bool(self._discount)),
            ("totalDiscountRefund", self._discount_refund, bool(self._discount_refund)),
        ):
            said = audit.get(name)
            if said is None and not needed:
                continue
            if said != counted:
                value = "nothing" if said is None else f"{said:,}"
                raise FileRefusedError(
                    f"auditControlInfo.{name} says {value}", expected=f"{counted:,}, which the events come to"
                )
            shown[name] = str(said)
        for name, found in (("earliestCallTimeStamp", self._earliest), ("latestCallTimeStamp", self._latest)):
            if found is not None:
                shown[name] = self._reconciled_time(audit, name, found)
        return shown

    def _reconciled_time(self, audit: Tree, name: str, found: int) -> str:
        stamp = audit.get(name)
        if stamp is None:
            raise FileRefusedError(f"auditControlInfo.{name} is missing", expected=utc_text(found))
        try:
            said = stamp_micros(stamp)
        except ValueError as error:
            raise FileRefusedError(f"auditControlInfo.{name} can't be read", expected=str(error)) from error
        if said != found:
            raise FileRefusedError(
                f"auditControlInfo.{name} says {utc_text(said)}", expected=f"{utc_text(found)}, as the events"
            )
        return utc_text(said)
