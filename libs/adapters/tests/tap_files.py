"""TAP files, made as the visited network would make them."""

from __future__ import annotations

from typing import Any

from usage_adapters.reading import Options
from usage_adapters.tap.decoding import encode

IMSI, MSISDN = "310260000000001", "12125550199"
SUBSCRIBER, OTHER = "s-1", "s-2"
MAPPING = """
format: cxmesh-tap/1
networks:
  DEUD1: {network: "26201", country_code: "49"}
  FRAF1: "20801"
recipients: [USAW6]
messaging_event_services: {"1": originated, "2": terminated}
"""
Tree = dict[str, Any]  # Any: values as the ASN.1 has them


def options(**more: Any) -> Options:  # Any: fields of several types
    known = {"subscriptions": {IMSI: SUBSCRIBER, "12125550177": OTHER}, "mapping": MAPPING}
    return Options(**(known | more))


def bcd(digits: str) -> bytes:
    return bytes.fromhex(digits + "f" * (len(digits) % 2))


def stamp(local: str = "20260315120000", code: int = 1) -> Tree:
    return {"localTimeStamp": local.encode(), "utcTimeOffsetCode": code}


def subscriber(imsi: str = IMSI, msisdn: str = MSISDN) -> Any:  # Any: a choice
    return ("simChargeableSubscriber", {"imsi": bcd(imsi), "msisdn": bcd(msisdn)})


def charge(amount: int = 1000, item: str = "D", units: int = 61, *, tax: int = 0, discount: int = 0) -> Tree:
    found: Tree = {
        "chargedItem": item.encode(),
        "exchangeRateCode": 0,
        "chargeDetailList": [
            {"chargeType": b"00", "charge": amount, "chargeableUnits": units, "chargedUnits": units},
            {"chargeType": b"01", "charge": amount},
        ],
    }
    if tax:
        found["taxInformation"] = [{"taxCode": 3, "taxValue": tax}]
    if discount:
        found["discountInformation"] = {"discountCode": 1, "discount": discount}
    return found


LOCATION = {"networkLocation": {"recEntityCode": 0, "locationArea": 17, "cellId": 4711, "callReference": b"\0\0\1"}}


def service(code: str = "11", **more: Any) -> Tree:  # Any: as charge takes it
    return {
        "basicService": {"serviceCode": ("teleServiceCode", code.encode())},
        "chargeInformationList": [charge(**more)],
    }


def call(
    seconds: int | None = 61, called: str = "4930123456", *, code: str = "11", **more: Any
) -> Any:  # Any: a choice
    basic: Tree = {
        "chargeableSubscriber": more.pop("who", subscriber()),
        "destination": {"calledNumber": bcd(called)} if called else more.pop("destination", {}),
        "callEventStartTimeStamp": more.pop("at", stamp()),
        "causeForTerm": 0,
    }
    if seconds is not None:
        basic["totalCallEventDuration"] = seconds
    place = LOCATION | more.pop("place", {})
    event = {
        "basicCallInformation": basic,
        "locationInformation": place,
        "basicServiceUsedList": [service(code, **more)],
    }
    return ("mobileOriginatedCall", event)


def incoming(seconds: int = 30, code: str = "11") -> Any:  # Any: a choice
    basic = {
        "chargeableSubscriber": subscriber(),
        "callOriginator": {"callingNumber": bcd("4930123456")},
        "callEventStartTimeStamp": stamp(),
        "totalCallEventDuration": seconds,
    }
    return ("mobileTerminatedCall", {"basicCallInformation": basic, "basicServiceUsedList": [service(code)]})


def data(octets_in: int = 1000, octets_out: int = 500, **more: Any) -> Any:  # Any: a choice
    basic = {
        "gprsChargeableSubscriber": {"chargeableSubscriber": subscriber()},
        "gprsDestination": {"accessPointNameNI": b"internet"},
        "callEventStartTimeStamp": stamp(),
        "totalCallEventDuration": 600,
        "chargingId": 99,
    }
    used: Tree = {"chargeInformationList": [charge(item="X", units=1500, **more)]}
    if octets_in or octets_out:
        used |= {"dataVolumeIncoming": octets_in, "dataVolumeOutgoing": octets_out}
    place = {"gprsNetworkLocation": {"recEntity": [0], "locationArea": 17, "cellId": 4711}}
    return ("gprsCall", {"gprsBasicCallInformation": basic, "gprsLocationInformation": place, "gprsServiceUsed": used})


def supplementary() -> Any:  # Any: a choice
    used = {"supplServiceCode": b"21", "chargingTimeStamp": stamp(), "chargeInformation": charge(50, "E", 1)}
    return ("supplServiceEvent", {"chargeableSubscriber": subscriber(), "supplServiceUsed": used})


def centre() -> Any:  # Any: a choice
    basic = {
        "chargeableSubscriber": ("gsmChargeableSubscriber", {"imsi": bcd(IMSI)}),
        "chargedPartyStatus": 0,
        "nonChargedNumber": b"0301234567",
    }
    event = {
        "basicInformation": basic,
        "servingNetwork": b"FRAF1",
        "chargeInformation": charge(70, "E", 1),
        "scuChargeType": {"messageStatus": 0},
        "scuTimeStamps": {"depositTimeStamp": stamp(), "chargingPoint": b"O"},
    }
    return ("serviceCentreUsage", event)


def content(*names: str, refund: bool = False) -> Any:  # Any: a choice
    used = [
        {"transactionShortDescription": name.encode(), "chargeRefundIndicator": int(refund),
         "chargeInformationList": [charge(300, "N", 1, tax=57)]}
        for name in names
    ]  # fmt: skip
    event = {
        "contentTransactionBasicInfo": {"orderPlacedTimeStamp": stamp(), "transactionStatus": 1},
        "chargedPartyInformation": {
            "chargedPartyIdList": [{"chargedPartyIdType": 1, "chargedPartyIdentifier": IMSI.encode()}]
        },
        "contentServiceUsed": used,
    }
    return ("contentTransaction", event)


def location() -> Any:  # Any: a choice
    customer = {"trackingCustomerIdList": [{"customerIdType": 2, "customerIdentifier": b"12125550177"}]}
    usage = {
        "lCSQosRequested": {"lCSRequestTimestamp": stamp()},
        "chargeInformationList": [charge(20, "E", 1)],
    }
    return ("locationService", {"trackingCustomerInformation": customer, "locationServiceUsage": usage})


def text_message(kind: int = 1) -> Any:  # Any: a choice
    event = {
        "messagingEventService": kind,
        "chargedParty": {"imsi": bcd(IMSI), "msisdn": bcd(MSISDN)},
        "eventReference": b"m-1",
        "serviceStartTimestamp": stamp(),
        "nonChargedParty": {"nonChargedPartyNumber": bcd("491511234567")},
        "exchangeRateCode": 0,
        "charge": 80,
    }
    return ("messagingEvent", event)


def session(*, called: str = "4930123456") -> Any:  # Any: a choice
    event: Tree = {
        "mobileSessionService": 1,
        "chargedParty": {"imsi": bcd(IMSI)},
        "eventReference": b"v-1",
        "serviceStartTimestamp": stamp(),
        "totalCallEventDuration": 120,
        "sessionChargeInfoList": [charge(400, "D", 120)],
    }
    if called:
        event["requestedDestination"] = {"requestedNumber": bcd(called)}
    return ("mobileSession", event)


EVERY_KIND = (
    call(), call(code="22", called="491511234567"), incoming(), incoming(code="21"), supplementary(), centre(), data(),
    content("song", "film"), location(), text_message(1), text_message(2), session(), session(called=""),
)  # fmt: skip
TOTAL = 1000 * 5 + 50 + 70 + 600 + 20 + 160 + 800
TAXES = 2 * 57


def batch(*events: Any, **more: Any) -> Tree:  # Any: choices, and parts of the batch
    utc = {"utcTimeOffset": b"+0100"}
    amount = more.pop("total", None)
    audit = {
        "earliestCallTimeStamp": {"localTimeStamp": b"20260315120000", **utc},
        "latestCallTimeStamp": {"localTimeStamp": b"20260315120000", **utc},
        "totalCharge": amount if amount is not None else 1000 * len(events),
        "totalTaxValue": more.pop("tax", 0),
        "totalDiscountValue": more.pop("discount", 0),
        "callEventDetailsCount": len(events),
    } | more.pop("audit", {})
    if not events:
        del audit["earliestCallTimeStamp"], audit["latestCallTimeStamp"]
    control = {
        "sender": b"DEUD1",
        "recipient": b"USAW6",
        "fileSequenceNumber": b"00042",
        "fileCreationTimeStamp": {"localTimeStamp": b"20260316040000", **utc},
        "fileAvailableTimeStamp": {"localTimeStamp": b"20260316040000", **utc},
        "transferCutOffTimeStamp": {"localTimeStamp": b"20260316040000", **utc},
        "specificationVersionNumber": 3,
        "releaseVersionNumber": 12,
    } | more.pop("control", {})
    made = {
        "batchControlInfo": control,
        "accountingInfo": {
            "taxation": [{"taxCode": 3, "taxType": b"13", "taxRate": b"1900000"}],
            "localCurrency": b"EUR",
            "tapCurrency": b"SDR",
            "currencyConversionInfo": [{"exchangeRateCode": 0, "numberOfDecimalPlaces": 5, "exchangeRate": 121_500}],
            "tapDecimalPlaces": 3,
        },
        "networkInfo": {
            "utcTimeOffsetInfo": [
                {"utcTimeOffsetCode": 1, "utcTimeOffset": b"+0100"},
                {"utcTimeOffsetCode": 2, "utcTimeOffset": b"-0330"},
            ],
            "recEntityInfo": [{"recEntityCode": 0, "recEntityType": 1, "recEntityId": b"msc-1"}],
        },
        "callEventDetails": list(events),
        "auditControlInfo": audit,
    }
    return {name: value for name, value in (made | more).items() if value is not None}


def tap(*events: Any, **more: Any) -> bytes:  # Any: as batch takes them
    return encode("DataInterChange", ("transferBatch", batch(*events, **more)))


def whole() -> bytes:
    """A file with every kind of event."""
    return tap(*EVERY_KIND, total=TOTAL, tax=TAXES)


def notification(**more: Any) -> bytes:  # Any: parts of it
    utc = {"localTimeStamp": b"20260316040000", "utcTimeOffset": b"+0100"}
    made = {
        "sender": b"DEUD1", "recipient": b"USAW6", "fileSequenceNumber": b"00043", "fileCreationTimeStamp": utc,
        "fileAvailableTimeStamp": utc, "transferCutOffTimeStamp": utc, "specificationVersionNumber": 3,
        "releaseVersionNumber": 12,
    }  # fmt: skip
    return encode("DataInterChange", ("notification", made | more))


def indefinite(data_: bytes) -> bytes:
    """The same in indefinite lengths, at every level."""
    made, at = bytearray(), 0
    while at < len(data_):
        start = at
        constructed = data_[at] & 0x20
        many = data_[at] & 0x1F == 0x1F
        at += 1
        while many:
            many = bool(data_[at] & 0x80)
            at += 1
        tag = data_[start:at]
        length = data_[at]
        at += 1
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data_[at : at + count], "big")
            at += count
        value = data_[at : at + length]
        at += length
        made += tag + b"\x80" + indefinite(value) + b"\0\0" if constructed else data_[start:at]
    return bytes(made)
