"""How does charging data cross the wire?"""

import hashlib
import re
from typing import Final, Literal

from cxmesh.usage.v1 import charging_data_pb2 as data
from rating import Service
from usage_correlation.domain.charging.quotas import Grant
from usage_correlation.domain.charging.requests import (
    ChargingRequest,
    GroupUsage,
    Kind,
    OneTime,
    Place,
    Units,
    UsedUnits,
)
from usage_correlation.errors import ChargingFailed
from usage_correlation.handlers.charging.ports import Answer
from usage_correlation.server.wire import micros_from, timestamp

Operation = Literal["create", "update", "release"]
INCOMING: Final = "incoming"
"""The destination of usage that the other end began: tariffs price it as a zone of this name."""
_DIGEST_BYTES: Final = 16
_LONGEST: Final = 64
_MCC_AND_MNC: Final = (5, 6)
_NUMBER: Final = re.compile(r"(?:(?:tel|sips?):)?\+?([0-9*#]{2,20})(?:[;@].*)?")


def request_from(message: data.ChargingDataRequest, operation: Operation) -> ChargingRequest:
    """What a network function asks for; the proto's own rules are kept already. Raises ChargingFailed, InvalidValue."""
    one_time = _one_time(message)
    if one_time is not None and operation != "create":
        raise ChargingFailed("oneTimeEvent", "no event in a session: events are created")
    identifiers = _identifiers(message)
    if operation == "create" and not identifiers:
        raise ChargingFailed("subscriberIdentifier", "a SUPI or GPSI, such as imsi-262011234567890")
    _check_unique(message)
    return ChargingRequest(
        identifiers=identifiers,
        micros=micros_from(message.invocation_time_stamp, "invocationTimeStamp"),
        sequence=message.invocation_sequence_number,
        kind=_kind(message),
        one_time=one_time,
        groups=[_group(usage, message) for usage in message.multiple_unit_usage],
        destination=_destination(message),
        place=_place(message),
        home_networks=_home_networks(message, identifiers),
        digest=_digest(message, operation),
    )


def _one_time(message: data.ChargingDataRequest) -> OneTime | None:
    if not message.one_time_event:
        if message.one_time_event_type:
            raise ChargingFailed("oneTimeEventType", "no type where oneTimeEvent is not set")
        return None
    return OneTime(message.one_time_event_type or OneTime.IMMEDIATE)


def _identifiers(message: data.ChargingDataRequest) -> tuple[str, ...]:
    gpsi = message.pdu_session_charging_information.user_information.served_gpsi
    found = (message.subscriber_identifier, gpsi)
    return tuple(_text(each, "subscriberIdentifier") for each in found if each)


def _check_unique(message: data.ChargingDataRequest) -> None:
    """A rating group stands once, and in it each container: their numbers identify usage."""
    groups = [usage.rating_group for usage in message.multiple_unit_usage]
    if len(set(groups)) != len(groups):
        raise ChargingFailed("multipleUnitUsage.ratingGroup", "each rating group once")
    for place, usage in enumerate(message.multiple_unit_usage):
        numbers = [used.local_sequence_number for used in usage.used_unit_container]
        if len(set(numbers)) != len(numbers):
            path = f"multipleUnitUsage[{place}].usedUnitContainer.localSequenceNumber"
            raise ChargingFailed(path, "each number once in its rating group")


def _kind(message: data.ChargingDataRequest) -> Kind:
    if message.HasField("pdu_session_charging_information"):
        return Kind.PDU_SESSION
    if message.HasField("sms_charging_information"):
        return Kind.SMS
    return Kind.IMS if message.HasField("ims_charging_information") else Kind.OTHER


def _group(usage: data.MultipleUnitUsage, message: data.ChargingDataRequest) -> GroupUsage:
    sms = message.sms_charging_information
    count = sms.numberof_messages_sent if sms.HasField("numberof_messages_sent") else None
    requested = _units(usage.requested_unit, count) if usage.HasField("requested_unit") else None
    return GroupUsage(usage.rating_group, requested, [_used(used, count) for used in usage.used_unit_container])


def _used(used: data.UsedUnitContainer, count: int | None) -> UsedUnits:
    more = used.pdu_container_information
    first = micros_from(more.timeof_first_usage, "timeofFirstUsage") if more.HasField("timeof_first_usage") else None
    closed = micros_from(used.trigger_timestamp, "triggerTimestamp") if used.HasField("trigger_timestamp") else None
    return UsedUnits(
        number=used.local_sequence_number,
        units=_units(used, count),
        first_micros=first,
        closed_micros=closed,
        place=_of_location(more.user_location_information),
    )


def _units(units: data.RequestedUnit | data.UsedUnitContainer, count: int | None) -> Units:
    """`count`: messages, where the units themselves say nothing."""
    octets = units.total_volume if units.HasField("total_volume") else None
    if octets is None and (units.HasField("uplink_volume") or units.HasField("downlink_volume")):
        octets = units.uplink_volume + units.downlink_volume
    seconds = units.time if units.HasField("time") else None
    events = units.service_specific_units if units.HasField("service_specific_units") else count
    return Units(seconds, octets, events)


def _place(message: data.ChargingDataRequest) -> Place:
    """Where the subscriber is: as the cell says, else as the network that serves it."""
    pdu = message.pdu_session_charging_information
    for location in (
        pdu.user_locationinfo,
        message.sms_charging_information.user_locationinfo,
        message.ims_charging_information.user_location_info,
    ):
        found = _of_location(location)
        if found.network:
            return found
    session = pdu.pdu_session_information
    serving = session.serving_network_function_id.serving_network_function_information.nf_plmn_id
    return Place(_network(session.serving_cn_plmn_id) or _network(serving))


def _of_location(location: data.UserLocation) -> Place:
    lte, nr = location.eutra_location, location.nr_location
    for tai, cell, name in (
        (nr.tai, nr.ncgi.plmn_id, nr.ncgi.nr_cell_id),
        (lte.tai, lte.ecgi.plmn_id, lte.ecgi.eutra_cell_id),
    ):
        network = _network(tai.plmn_id) or _network(cell)
        if network:
            return Place(network, _text(name, "userLocationinfo"))
    return Place()


def _network(plmn: data.PlmnId) -> str:
    return plmn.mcc + plmn.mnc if plmn.mcc and plmn.mnc else ""


def _home_networks(message: data.ChargingDataRequest, identifiers: tuple[str, ...]) -> tuple[str, ...]:
    """The home network as the session names it, and as an IMSI begins: its network code has two digits or three."""
    imsis = [each.removeprefix("imsi-") for each in identifiers if each.startswith("imsi-")]
    named = _network(message.pdu_session_charging_information.pdu_session_information.h_plmn_id)
    return tuple(filter(None, (named, *(imsi[:digits] for imsi in imsis for digits in _MCC_AND_MNC))))


def _destination(message: data.ChargingDataRequest) -> str:
    ims = message.ims_charging_information
    if ims.role_of_node == "TERMINATING_ROLE":
        return INCOMING
    recipients = message.sms_charging_information.recipient_info
    address = ims.called_party_address
    if recipients and not address:
        first = recipients[0]
        address = first.recipient_gpsi.removeprefix("msisdn-") or first.recipient_other_address.sm_address_data
    number = _NUMBER.fullmatch(address)
    return number.group(1) if number else _text(address, "calledPartyAddress")[:_LONGEST]


def _text(value: str, field: str) -> str:
    if "\0" in value:
        raise ChargingFailed(field, "text without NUL characters")
    return value


def _digest(message: data.ChargingDataRequest, operation: Operation) -> bytes:
    """Of the content: a retransmission is the same but for the word that it is one."""
    plain = data.ChargingDataRequest()
    plain.CopyFrom(message)
    plain.ClearField("retransmission_indicator")
    content = operation.encode() + plain.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def response_message(answer: Answer, sequence: int) -> data.ChargingDataResponse:
    """What a network function is answered."""
    return data.ChargingDataResponse(
        invocation_time_stamp=timestamp(answer.time),
        invocation_sequence_number=sequence,
        multiple_unit_information=[_information(grant) for grant in answer.grants],
    )


def _information(grant: Grant) -> data.MultipleUnitInformation:
    message = data.MultipleUnitInformation(result_code=grant.result, rating_group=grant.rating_group)
    if grant.service is None:
        return message
    if grant.service is Service.VOICE:
        message.granted_unit.time = grant.quantity
    elif grant.service is Service.DATA:
        message.granted_unit.total_volume = grant.quantity
    else:
        message.granted_unit.service_specific_units = grant.quantity
    if grant.valid_seconds:
        message.validity_time = grant.valid_seconds
    if grant.threshold:
        _set_threshold(message, grant)
    if grant.final:
        message.final_unit_indication.final_unit_action = "TERMINATE"
    return message


def _set_threshold(message: data.MultipleUnitInformation, grant: Grant) -> None:
    if grant.service is Service.VOICE:
        message.time_quota_threshold = grant.threshold
    elif grant.service is Service.DATA:
        message.volume_quota_threshold = grant.threshold
    else:
        message.unit_quota_threshold = grant.threshold
