"""Which usage do recorded charging data report, and why do some report none?

A line, or an element of an array, is a ChargingDataRequest of TS 32.291, or an object that holds one as `request`
beside its `chargingDataRef`. With the reference of a session of our own, and its source, usage gets the ids under which
charging stored it, so that it isn't counted twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor

from cxmesh.usage.v1 import charging_data_pb2 as data
from cxmesh.usage.v1 import usage_record_pb2 as pb
from usage_adapters.charging.groups import RatingGroup, kind_of
from usage_adapters.reading import Reason

INCOMING: Final = "incoming"
"""The destination of calls that the other end began."""
_NUMBER: Final = re.compile(r"(?:(?:tel|sips?):)?\+?([0-9*#]{2,20})(?:[;@].*)?")
_FAILED: Final = re.compile(r"Failed to parse (\w+) field")
_RENAMED: Final = {"UsedUnitContainer": "usedUnitContainer"}
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_MICROS: Final = 1_000_000
_MOST_SECONDS: Final = 366 * 86_400
_LONGEST: Final = 64
_DIGEST_BYTES: Final = 15
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ChargingFault(ValueError):  # noqa: N818  # raised for one request or container and always caught by its reader
    """What is reported is no usage."""

    def __init__(self, field: str, value: str, expected: str, reason: Reason = Reason.INVALID_VALUE) -> None:
        super().__init__(expected)
        self.field = field
        self.value = value
        self.expected = expected
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Draft:
    """Usage of one container."""

    record_id: str
    usage_type: pb.UsageType.ValueType
    start_micros: int
    quantity: int
    destination: str
    visited_network: str
    cell: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it was recorded."""

    message: data.ChargingDataRequest
    session: str
    identifiers: tuple[str, ...]
    """IMSI and MSISDN, as far as they are said: digits alone."""


def read_request(raw: bytes) -> Recorded:
    """Raises ChargingFault."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ChargingFault("", "", "a JSON object", Reason.MALFORMED) from error
    if not isinstance(document, dict):
        raise ChargingFault("", "", "a JSON object", Reason.MALFORMED)
    inner, reference = document.get("request", document), document.get("chargingDataRef", "")
    if not isinstance(inner, dict):
        raise ChargingFault("", "request", "a ChargingDataRequest", Reason.MALFORMED)
    if not isinstance(reference, str) or (reference and not _REFERENCE.fullmatch(reference)):
        raise ChargingFault("record_id", str(reference), "a chargingDataRef of letters, digits and . _ -")
    message = data.ChargingDataRequest()
    try:
        json_format.ParseDict(_known(inner, data.ChargingDataRequest.DESCRIPTOR), message)
    except (json_format.ParseError, RecursionError) as error:
        path = ".".join(_FAILED.findall(str(error)))
        raise ChargingFault("", path, "a value as TS 32.291 has it there", Reason.MALFORMED) from error
    for name, there in (
        ("invocationTimeStamp", message.HasField("invocation_time_stamp")),
        ("invocationSequenceNumber", message.HasField("invocation_sequence_number")),
    ):
        if not there:
            raise ChargingFault("start_time" if "Time" in name else "record_id", "", name, Reason.MISSING_VALUE)
    return Recorded(message, reference or _session(message), _identifiers(message))


def _known(value: Mapping[str, Any], message: Descriptor) -> dict[str, Any]:  # Any: a tree of JSON values
    """The fields that the message has."""
    fields = {field.json_name: field for field in message.fields}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        field = fields.get(_RENAMED.get(name, name))
        if field is None:
            continue
        within = field.message_type
        if within is None or within.full_name == _TIMESTAMP:
            found[field.json_name] = inner
        elif isinstance(inner, list):
            found[field.json_name] = [_known(each, within) if isinstance(each, dict) else each for each in inner]
        else:
            found[field.json_name] = _known(inner, within) if isinstance(inner, dict) else inner
    return found


def _session(message: data.ChargingDataRequest) -> str:
    """What tells a session from others where no reference is recorded."""
    pdu = message.pdu_session_charging_information
    parts = (
        message.subscriber_identifier,
        message.nf_consumer_identification.nf_name,
        str(pdu.charging_id),
        str(pdu.pdu_session_information.pdu_session_id),
        message.ims_charging_information.ims_charging_identifier,
        message.sms_charging_information.message_reference,
        # An event has no session: its time is all that tells it from the next one.
        str(message.invocation_time_stamp.ToNanoseconds()) if message.one_time_event else "",
    )
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _identifiers(message: data.ChargingDataRequest) -> tuple[str, ...]:
    gpsi = message.pdu_session_charging_information.user_information.served_gpsi
    found = (message.subscriber_identifier, gpsi)
    return tuple(each.removeprefix("imsi-").removeprefix("msisdn-") for each in found if each)


def drafts(recorded: Recorded, groups: Mapping[int, RatingGroup]) -> Iterator[Draft | ChargingFault]:
    """The usage of each container, or what is wrong with it."""
    message = recorded.message
    for usage in message.multiple_unit_usage:
        group = groups.get(usage.rating_group) or kind_of(message)
        containers = list(usage.used_unit_container)
        immediate = message.one_time_event and message.one_time_event_type in ("", "IEC")
        if immediate and not containers and usage.HasField("requested_unit"):
            containers = [_as_used(usage.requested_unit)]
        for used in containers:
            try:
                yield _draft(recorded, usage.rating_group, group, used)
            except ChargingFault as fault:
                yield fault


def _as_used(units: data.RequestedUnit) -> data.UsedUnitContainer:
    used = data.UsedUnitContainer(local_sequence_number=0)
    for name in ("time", "total_volume", "uplink_volume", "downlink_volume", "service_specific_units"):
        if units.HasField(name):
            setattr(used, name, getattr(units, name))
    return used


def _draft(recorded: Recorded, number: int, group: RatingGroup | None, used: data.UsedUnitContainer) -> Draft:
    if group is None:
        raise ChargingFault(
            "usage_type", str(number), "a rating group that the mapping file lists", Reason.NOT_IN_TABLE
        )
    if not used.HasField("local_sequence_number"):
        raise ChargingFault("record_id", "", "localSequenceNumber", Reason.MISSING_VALUE)
    message = recorded.message
    quantity = _quantity(message, group, used)
    location = used.pdu_container_information.user_location_information
    network, cell = _of_location(location)
    if not network:
        network, cell = _place(message)
    return Draft(
        f"{recorded.session}:{message.invocation_sequence_number}:{number}:{used.local_sequence_number}",
        group.usage_type,
        _start(message, group, used, quantity),
        quantity,
        group.destination or _destination(message),
        "" if network in _home(recorded) else network,
        cell,
    )


def _quantity(message: data.ChargingDataRequest, group: RatingGroup, used: data.UsedUnitContainer) -> int:
    found: int | None = None
    if group.usage_type == pb.USAGE_TYPE_VOICE:
        found = used.time if used.HasField("time") else None
    elif group.usage_type == pb.USAGE_TYPE_DATA:
        if used.HasField("total_volume"):
            found = used.total_volume
        elif used.HasField("uplink_volume") or used.HasField("downlink_volume"):
            found = used.uplink_volume + used.downlink_volume
    elif used.HasField("service_specific_units"):
        found = used.service_specific_units
    elif message.sms_charging_information.HasField("numberof_messages_sent"):
        found = message.sms_charging_information.numberof_messages_sent
    elif not any(used.HasField(name) for name in ("time", "total_volume", "uplink_volume", "downlink_volume")):
        found = 1  # a message or an event that is reported without a number is one
    if found is None:
        raise ChargingFault("quantity", "", "time of calls, volume of data, units of others", Reason.MISSING_VALUE)
    most = _MOST_SECONDS if group.usage_type == pb.USAGE_TYPE_VOICE else 2**50
    if found > most:
        raise ChargingFault("quantity", str(found), f"at most {most}")
    return found


def _start(message: data.ChargingDataRequest, group: RatingGroup, used: data.UsedUnitContainer, quantity: int) -> int:
    first = used.pdu_container_information
    if first.HasField("timeof_first_usage"):
        return first.timeof_first_usage.ToMicroseconds()
    closed = used.trigger_timestamp if used.HasField("trigger_timestamp") else message.invocation_time_stamp
    lasted = quantity * _MICROS if group.usage_type == pb.USAGE_TYPE_VOICE else 0
    return closed.ToMicroseconds() - lasted


def _place(message: data.ChargingDataRequest) -> tuple[str, str]:
    pdu = message.pdu_session_charging_information
    for location in (
        pdu.user_locationinfo,
        message.sms_charging_information.user_locationinfo,
        message.ims_charging_information.user_location_info,
    ):
        found = _of_location(location)
        if found[0]:
            return found
    session = pdu.pdu_session_information
    serving = session.serving_network_function_id.serving_network_function_information.nf_plmn_id
    return _network(session.serving_cn_plmn_id) or _network(serving), ""


def _of_location(location: data.UserLocation) -> tuple[str, str]:
    nr, lte = location.nr_location, location.eutra_location
    for tai, cell, name in (
        (nr.tai, nr.ncgi.plmn_id, nr.ncgi.nr_cell_id),
        (lte.tai, lte.ecgi.plmn_id, lte.ecgi.eutra_cell_id),
    ):
        network = _network(tai.plmn_id) or _network(cell)
        if network:
            return network, name[:_LONGEST]
    return "", ""


def _network(plmn: data.PlmnId) -> str:
    found = plmn.mcc + plmn.mnc if plmn.mcc and plmn.mnc else ""
    if found and not re.fullmatch(r"[0-9]{5,6}", found):
        raise ChargingFault("visited_network", found, "MCC of three digits and MNC of two or three")
    return found


def _home(recorded: Recorded) -> set[str]:
    """The subscriber's own networks: as the session names it, and as an IMSI begins."""
    message = recorded.message
    named = _network(message.pdu_session_charging_information.pdu_session_information.h_plmn_id)
    identifier = message.subscriber_identifier
    imsi = identifier.removeprefix("imsi-") if identifier.startswith("imsi-") else ""
    return {named, *({imsi[:5], imsi[:6]} if imsi else set())} | {""}


def _destination(message: data.ChargingDataRequest) -> str:
    ims, recipients = message.ims_charging_information, message.sms_charging_information.recipient_info
    if ims.role_of_node == "TERMINATING_ROLE":
        return INCOMING
    address = ims.called_party_address
    if recipients and not address:
        first = recipients[0]
        address = first.recipient_gpsi.removeprefix("msisdn-") or first.recipient_other_address.sm_address_data
    number = _NUMBER.fullmatch(address)
    return number[1] if number else address[:_LONGEST]
