"""Which usage does one call event of a TAP file report?

| event | usage |
|---|---|
| MobileOriginatedCall, MobileTerminatedCall | voice in seconds, or one text message for teleservices 21 and 22 |
| MobileSession | voice in seconds |
| MessagingEvent, ServiceCentreUsage | one text message |
| GprsCall | data in bytes, both directions |
| ContentTransaction | an item of content for each service used |
| SupplServiceEvent, LocationService | an item of content |

Usage that the other end began has the destination `incoming`: tariffs price it as a zone of this name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cxmesh.usage.v1 import usage_record_pb2 as pb
from usage_adapters.reading import Reason
from usage_adapters.tap.decoding import Tree, text
from usage_adapters.tap.fields import (
    LONGEST,
    EventFault,
    cell_of,
    charged_party,
    digits_of,
    identified_by,
    number_called,
    part_of,
    seconds_of,
    served_by,
    served_in,
    stamp_in,
    subscriber_of,
    teleservice_of,
    units_charged,
    whole_units,
)
from usage_adapters.tap.header import Header
from usage_adapters.tap.settings import TapSettings

INCOMING: Final = "incoming"
_TEXT_IN: Final = "21"
_TEXT_OUT: Final = "22"
_VOLUMES: Final = ("X", "V", "W")
"""Charged items: total volume, or outgoing and incoming."""
_REFUND: Final = 1


@dataclass(frozen=True, slots=True)
class Draft:
    """Usage, before it is known whose and where it is."""

    usage_type: pb.UsageType.ValueType
    stamp: Tree
    """Local time and code of its offset."""
    quantity: int
    imsi: str
    msisdn: str
    destination: str = ""
    dialled: bool = False
    """Whether the destination is as it was dialled, and not international."""
    cell: str = ""
    serving: str = ""
    """TADIG code of the network that served, where it is not the sender's own."""


@dataclass(frozen=True, slots=True)
class Context:
    """What events refer to."""

    header: Header
    settings: TapSettings


def drafts(kind: str, event: Tree, context: Context) -> list[Draft]:
    """The event's usage. Raises EventFault."""
    read = _READERS.get(kind)
    if read is None:
        raise EventFault("", kind, f"one of {', '.join(_READERS)}", Reason.NOT_IN_TABLE)
    return list(read(event, context))


def _originated(event: Tree, _context: Context) -> Iterator[Draft]:
    basic = part_of(event, "basicCallInformation")
    destination = basic.get("destination", {})
    imsi, msisdn = subscriber_of(basic)
    stamp, cell = (
        stamp_in(basic, "callEventStartTimeStamp"),
        cell_of(event.get("locationInformation", {}).get("networkLocation", {})),
    )
    if teleservice_of(event) in (_TEXT_OUT, _TEXT_IN):
        number, dialled = number_called(destination, "sMSDestinationNumber")
        yield Draft(pb.USAGE_TYPE_SMS, stamp, 1, imsi, msisdn, number, dialled, cell, served_in(event))
        return
    number, dialled = number_called(destination, "dialledDigits")
    seconds = seconds_of(basic.get("totalCallEventDuration"), event.get("basicServiceUsedList", []))
    yield Draft(pb.USAGE_TYPE_VOICE, stamp, seconds, imsi, msisdn, number, dialled, cell, served_in(event))


def _terminated(event: Tree, _context: Context) -> Iterator[Draft]:
    basic = part_of(event, "basicCallInformation")
    imsi, msisdn = subscriber_of(basic)
    stamp, cell = (
        stamp_in(basic, "callEventStartTimeStamp"),
        cell_of(event.get("locationInformation", {}).get("networkLocation", {})),
    )
    is_text = teleservice_of(event) in (_TEXT_IN, _TEXT_OUT)
    quantity = 1 if is_text else seconds_of(basic.get("totalCallEventDuration"), event.get("basicServiceUsedList", []))
    kind = pb.USAGE_TYPE_SMS if is_text else pb.USAGE_TYPE_VOICE
    yield Draft(kind, stamp, quantity, imsi, msisdn, INCOMING, cell=cell, serving=served_in(event))


def _supplementary(event: Tree, _context: Context) -> Iterator[Draft]:
    used = part_of(event, "supplServiceUsed")
    imsi, msisdn = subscriber_of(event)
    code = text(used.get("supplServiceCode", b""))
    cell = cell_of(event.get("locationInformation", {}).get("networkLocation", {}))
    stamp = stamp_in(used, "chargingTimeStamp")
    yield Draft(pb.USAGE_TYPE_CONTENT, stamp, 1, imsi, msisdn, f"supplementary-service-{code}"[:LONGEST], cell=cell)


def _service_centre(event: Tree, _context: Context) -> Iterator[Draft]:
    basic, stamps = part_of(event, "basicInformation"), part_of(event, "scuTimeStamps")
    imsi, msisdn = subscriber_of(basic)
    name = "depositTimeStamp" if "depositTimeStamp" in stamps else "completionTimeStamp"
    number = digits_of(basic.get("nonChargedNumber"), "nonChargedNumber", is_text=True)
    stamp = stamp_in(stamps, name)
    serving = text(event.get("servingNetwork", b""))
    yield Draft(pb.USAGE_TYPE_SMS, stamp, 1, imsi, msisdn, number, True, serving=serving)


def _gprs(event: Tree, _context: Context) -> Iterator[Draft]:
    basic, used = part_of(event, "gprsBasicCallInformation"), part_of(event, "gprsServiceUsed")
    imsi, msisdn = subscriber_of(part_of(basic, "gprsChargeableSubscriber"))
    volumes = [used[name] for name in ("dataVolumeIncoming", "dataVolumeOutgoing") if name in used]
    octets = sum(volumes) if volumes else units_charged(used.get("chargeInformationList", []), _VOLUMES)
    if octets is None:
        raise EventFault(
            "quantity", "", "dataVolumeIncoming, dataVolumeOutgoing or chargeable units", Reason.MISSING_VALUE
        )
    place = event.get("gprsLocationInformation", {})
    stamp = stamp_in(basic, "callEventStartTimeStamp")
    quantity = whole_units(octets, "dataVolume")
    cell = cell_of(place.get("gprsNetworkLocation", {}))
    serving = served_by(place)
    yield Draft(pb.USAGE_TYPE_DATA, stamp, quantity, imsi, msisdn, cell=cell, serving=serving)


def _content(event: Tree, _context: Context) -> Iterator[Draft]:
    basic, party = part_of(event, "contentTransactionBasicInfo"), part_of(event, "chargedPartyInformation")
    imsi, msisdn = identified_by(party.get("chargedPartyIdList", []), "chargedPartyIdType", "chargedPartyIdentifier")
    stamp = stamp_in(basic, "orderPlacedTimeStamp")
    provider = text(event.get("servingPartiesInformation", {}).get("contentProviderName", b""))
    services = event.get("contentServiceUsed", [])
    if not services:
        raise EventFault("usage_type", "", "a content service that was used", Reason.MISSING_VALUE)
    if any(each.get("chargeRefundIndicator") == _REFUND for each in services):
        raise EventFault("quantity", "refund", "usage: a refund is settled with the charge that it takes back")
    for each in services:
        name = text(each.get("transactionShortDescription", b"")) or provider or "content"
        yield Draft(pb.USAGE_TYPE_CONTENT, stamp, 1, imsi, msisdn, name[:LONGEST])


def _location(event: Tree, _context: Context) -> Iterator[Draft]:
    customer, usage = part_of(event, "trackingCustomerInformation"), part_of(event, "locationServiceUsage")
    imsi, msisdn = identified_by(customer.get("trackingCustomerIdList", []), "customerIdType", "customerIdentifier")
    asked = usage.get("lCSQosRequested", {})
    source, name = (asked, "lCSRequestTimestamp") if "lCSRequestTimestamp" in asked else (usage, "chargingTimeStamp")
    yield Draft(pb.USAGE_TYPE_CONTENT, stamp_in(source, name), 1, imsi, msisdn, "location-service")


def _messaging(event: Tree, context: Context) -> Iterator[Draft]:
    code = event.get("messagingEventService")
    direction = context.settings.messaging.get(code) if isinstance(code, int) else None
    if direction is None:
        expected = "a code that messaging_event_services of the mapping file lists"
        raise EventFault("usage_type", str(code), expected, Reason.NOT_IN_TABLE)
    imsi, msisdn = charged_party(event)
    other = event.get("nonChargedParty", {})
    number = INCOMING
    if direction == "originated":
        number = digits_of(other.get("nonChargedPartyNumber"), "nonChargedPartyNumber")
    stamp = stamp_in(event, "serviceStartTimestamp")
    yield Draft(pb.USAGE_TYPE_SMS, stamp, 1, imsi, msisdn, number, cell=cell_of(event), serving=served_by(event))


def _session(event: Tree, _context: Context) -> Iterator[Draft]:
    """Voice over IMS; whoever asked for a destination has called."""
    imsi, msisdn = charged_party(event)
    wanted = event.get("requestedDestination")
    number = INCOMING
    if wanted is not None:
        number = digits_of(wanted.get("requestedNumber"), "requestedNumber")
        number = number or text(wanted.get("requestedPublicUserId", b""))[:LONGEST]
    seconds = seconds_of(
        event.get("totalCallEventDuration"), [{"chargeInformationList": event.get("sessionChargeInfoList", [])}]
    )
    stamp = stamp_in(event, "serviceStartTimestamp")
    yield Draft(
        pb.USAGE_TYPE_VOICE, stamp, seconds, imsi, msisdn, number, cell=cell_of(event), serving=served_by(event)
    )


_READERS: Final[Mapping[str, Callable[[Tree, Context], Iterator[Draft]]]] = {
    "mobileOriginatedCall": _originated,
    "mobileTerminatedCall": _terminated,
    "supplServiceEvent": _supplementary,
    "serviceCentreUsage": _service_centre,
    "gprsCall": _gprs,
    "contentTransaction": _content,
    "locationService": _location,
    "messagingEvent": _messaging,
    "mobileSession": _session,
}
