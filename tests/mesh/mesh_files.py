"""What does the same usage look like in each format that `cxmesh ingest` reads?

Every file holds, beside the calls or sessions, one that is no usage: it must be refused, and reported once.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_VOICE, UsageRecord
from usage_adapters.tap.decoding import encode
from usage_adapters.usage_csv import write_usage_csv

CALLED = "431234567"
UNKNOWN = "310260999999999"


@dataclass(frozen=True)
class Use:
    """One call, or a session of so many bytes."""

    subscription: str
    """Its id."""
    start: datetime
    quantity: int

    @property
    def imsi(self) -> str:
        """Of its subscription, s-7: 310260000000007."""
        return imsi_of(self.subscription)


def imsi_of(subscription: str) -> str:
    return f"310260{int(subscription.rpartition('-')[2]):09d}"


@dataclass(frozen=True)
class FileFormat:
    """How a format is written, and how the command is told what it can't know."""

    write: Callable[[Sequence[Use]], bytes]
    source: str
    """Under which its records are stored."""
    reason: str
    """Of the one that is refused."""
    options: Mapping[str, str] = field(default_factory=dict)
    mapping: str = ""
    subscriptions: bool = False
    """Whether the table of IMSIs is needed."""


def usage_csv(uses: Sequence[Use]) -> bytes:
    text = io.StringIO(newline="")
    write_usage_csv([_record(number, use) for number, use in enumerate(uses)], text)
    return (text.getvalue() + f"csv,bad,s-0,voice,2026-01-01T00:00:00Z,many,{CALLED},,,,\r\n").encode()


def _record(number: int, use: Use) -> UsageRecord:
    record = UsageRecord(
        source="csv",
        record_id=f"r{number}",
        subscription=f"subscriptions/{use.subscription}",
        usage_type=USAGE_TYPE_VOICE,
        quantity=use.quantity,
        destination=CALLED,
    )
    record.start_time.FromDatetime(use.start)
    return record


def asterisk(uses: Sequence[Use]) -> bytes:
    rows = [
        [use.subscription, "1001", CALLED, "default", "", "c", "d", "Dial", "", _local(use), _local(use), _local(use),
         str(use.quantity), str(use.quantity), "ANSWERED", "BILLING", f"{number}.1", ""]
        for number, use in enumerate(uses)
    ]  # fmt: skip
    return _quoted([*rows, [*rows[0][:13], "many", *rows[0][14:16], "bad.1", ""]])


def freeswitch(uses: Sequence[Use]) -> bytes:
    rows = [
        ["Ada", "1001", CALLED, "default", _local(use), _local(use), _local(use), str(use.quantity), str(use.quantity),
         "NORMAL_CLEARING", _uuid(number), "", use.subscription, "PCMA", "PCMA"]
        for number, use in enumerate(uses)
    ]  # fmt: skip
    return _quoted([*rows, [*rows[0][:8], "many", "NORMAL_CLEARING", _uuid(len(rows)), *rows[0][11:]]])


def _uuid(number: int) -> str:
    return f"5f1c6a2e-7a5b-4a0c-9d0e-{number:012d}"


def _quoted(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _local(use: Use) -> str:
    return use.start.strftime("%Y-%m-%d %H:%M:%S")


DELIMITED_MAPPING = """
format: cxmesh-usage-mapping/1
id: mediation
layout: {kind: delimited, delimiter: ";", columns: [id, who, called, start, seconds]}
control: {trailer: {starts_with: "T;", columns: [t, rows]}, totals: [{trailer: rows, count: rows}]}
fields:
  source: {constant: delimited}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {constant: voice}
  start_time: {column: start, formats: ["%Y%m%d%H%M%S"], time_zone: UTC}
  quantity: {column: seconds, unit: second}
  destination: {column: called}
"""


def delimited(uses: Sequence[Use]) -> bytes:
    rows = [
        f"{number};{use.subscription};{CALLED};{use.start:%Y%m%d%H%M%S};{use.quantity}"
        for number, use in enumerate(uses)
    ]
    return "\n".join([*rows, f"bad;s-0;{CALLED};20260101000000;many", f"T;{len(rows) + 1}", ""]).encode()


FIXED_MAPPING = """
format: cxmesh-usage-mapping/1
id: fixed
layout:
  kind: fixed-width
  columns:
    - {name: id, start: 1, width: 6}
    - {name: who, start: 7, width: 8}
    - {name: start, start: 15, width: 14}
    - {name: seconds, start: 29, width: 6}
    - {name: called, start: 35, width: 15}
fields:
  source: {constant: fixed}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {constant: voice}
  start_time: {column: start, formats: ["%Y%m%d%H%M%S"], time_zone: UTC}
  quantity: {column: seconds, unit: second}
  destination: {column: called}
"""


def fixed(uses: Sequence[Use]) -> bytes:
    rows = [
        f"{number:06d}{use.subscription:<8}{use.start:%Y%m%d%H%M%S}{use.quantity:06d}{CALLED:<15}"
        for number, use in enumerate(uses)
    ]
    return "\n".join([*rows, rows[0].replace("000000", "badbad", 1).replace(rows[0][28:34], "many  "), ""]).encode()


JSON_MAPPING = """
format: cxmesh-usage-mapping/1
id: events
layout: {kind: json-lines}
fields:
  source: {constant: json}
  record_id: {column: id}
  subscription: {column: party.account}
  usage_type: {constant: voice}
  start_time: {column: at, formats: [epoch_ms]}
  quantity: {column: seconds, unit: second}
  destination: {column: called}
"""


def json_lines(uses: Sequence[Use]) -> bytes:
    rows: list[dict[str, object]] = [
        {
            "id": f"j{number}",
            "party": {"account": use.subscription},
            "at": int(use.start.timestamp()) * 1000,
            "seconds": use.quantity,
            "called": CALLED,
        }
        for number, use in enumerate(uses)
    ]
    return _lines([*rows, rows[0] | {"id": "bad", "seconds": "many"}])


def cloudevents(uses: Sequence[Use]) -> bytes:
    def event(name: str, use: Use, quantity: object) -> dict[str, object]:
        data = {
            "subscription": use.subscription,
            "usageType": "voice",
            "startTime": _utc(use),
            "quantity": quantity,
            "destination": CALLED,
        }
        return {"specversion": "1.0", "type": "org.example.usage", "source": "events", "id": name, "data": data}

    rows = [event(f"e{number}", use, str(use.quantity)) for number, use in enumerate(uses)]
    return _lines([*rows, event("bad", uses[0], "many")])


def charging(uses: Sequence[Use]) -> bytes:
    """A session of one container for each."""

    def request(number: int, imsi: str, use: Use) -> dict[str, object]:
        return {
            "subscriberIdentifier": f"imsi-{imsi}",
            "nfConsumerIdentification": {"nFName": "smf-1", "nodeFunctionality": "SMF"},
            "invocationTimeStamp": _utc(use),
            "invocationSequenceNumber": 1,
            "multipleUnitUsage": [
                {"ratingGroup": 10, "usedUnitContainer": [{"localSequenceNumber": 1, "totalVolume": use.quantity}]}
            ],
            "pDUSessionChargingInformation": {
                "chargingId": number,
                "pduSessionInformation": {"pduSessionID": 1, "dnnId": "internet"},
            },
        }

    rows = [request(number, use.imsi, use) for number, use in enumerate(uses, start=1)]
    return _lines([*rows, request(0, UNKNOWN, uses[0])])


def _lines(rows: Sequence[object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _utc(use: Use) -> str:
    return use.start.strftime("%Y-%m-%dT%H:%M:%SZ")


TAP_MAPPING = """
format: cxmesh-tap/1
networks: {DEUD1: {network: "26201", country_code: "49"}}
recipients: [USAW6]
"""
TAP_CHARGE = 1000
"""Thousandths of an SDR for each event."""


def tap(uses: Sequence[Use]) -> bytes:
    """Calls of roamers, as the visited network reports them."""
    events = [_call(use, use.imsi) for use in uses] + [_call(uses[0], UNKNOWN)]
    stamps = sorted(use.start for use in uses)
    utc = {"utcTimeOffset": b"+0000"}
    written = {"localTimeStamp": _stamp(stamps[-1]), **utc}
    control = {
        "sender": b"DEUD1", "recipient": b"USAW6", "fileSequenceNumber": b"00042",
        "fileCreationTimeStamp": written, "fileAvailableTimeStamp": written, "transferCutOffTimeStamp": written,
        "specificationVersionNumber": 3, "releaseVersionNumber": 12,
    }  # fmt: skip
    accounting = {
        "localCurrency": b"EUR",
        "tapCurrency": b"SDR",
        "currencyConversionInfo": [{"exchangeRateCode": 0, "numberOfDecimalPlaces": 5, "exchangeRate": 121_500}],
        "tapDecimalPlaces": 3,
    }
    network = {
        "utcTimeOffsetInfo": [{"utcTimeOffsetCode": 1, "utcTimeOffset": b"+0000"}],
        "recEntityInfo": [{"recEntityCode": 0, "recEntityType": 1, "recEntityId": b"msc-1"}],
    }
    audit = {
        "earliestCallTimeStamp": {"localTimeStamp": _stamp(stamps[0]), **utc},
        "latestCallTimeStamp": {"localTimeStamp": _stamp(stamps[-1]), **utc},
        "totalCharge": TAP_CHARGE * len(events),
        "totalTaxValue": 0,
        "totalDiscountValue": 0,
        "callEventDetailsCount": len(events),
    }
    batch = {
        "batchControlInfo": control, "accountingInfo": accounting, "networkInfo": network, "callEventDetails": events,
        "auditControlInfo": audit,
    }  # fmt: skip
    return encode("DataInterChange", ("transferBatch", batch))


def _call(use: Use, imsi: str) -> Any:  # Any: values as the ASN.1 has them
    detail = [
        {"chargeType": b"00", "charge": TAP_CHARGE, "chargeableUnits": use.quantity, "chargedUnits": use.quantity}
    ]
    charge = {"chargedItem": b"D", "exchangeRateCode": 0, "chargeDetailList": detail}
    basic = {
        "chargeableSubscriber": ("simChargeableSubscriber", {"imsi": _bcd(imsi), "msisdn": _bcd("12125550199")}),
        "destination": {"calledNumber": _bcd(CALLED)},
        "callEventStartTimeStamp": {"localTimeStamp": _stamp(use.start), "utcTimeOffsetCode": 1},
        "causeForTerm": 0,
        "totalCallEventDuration": use.quantity,
    }
    used = {"basicService": {"serviceCode": ("teleServiceCode", b"11")}, "chargeInformationList": [charge]}
    place = {"networkLocation": {"recEntityCode": 0, "locationArea": 17, "cellId": 4711, "callReference": b"\0\0\1"}}
    event = {"basicCallInformation": basic, "locationInformation": place, "basicServiceUsedList": [used]}
    return ("mobileOriginatedCall", event)


def _stamp(moment: datetime) -> bytes:
    return moment.strftime("%Y%m%d%H%M%S").encode()


def _bcd(digits: str) -> bytes:
    return bytes.fromhex(digits + "f" * (len(digits) % 2))


SWITCH = {"--time-zone": "UTC"}
FORMATS: Mapping[str, FileFormat] = {
    "usage-csv": FileFormat(usage_csv, "csv", "INVALID_VALUE"),
    "asterisk-csv": FileFormat(asterisk, "pbx-a", "INVALID_VALUE", {"--source": "pbx-a", **SWITCH}),
    "freeswitch-csv": FileFormat(freeswitch, "pbx-f", "INVALID_VALUE", {"--source": "pbx-f", **SWITCH}),
    "delimited": FileFormat(delimited, "delimited", "INVALID_VALUE", mapping=DELIMITED_MAPPING),
    "fixed-width": FileFormat(fixed, "fixed", "INVALID_VALUE", mapping=FIXED_MAPPING),
    "json-lines": FileFormat(json_lines, "json", "INVALID_VALUE", mapping=JSON_MAPPING),
    "cloudevents": FileFormat(cloudevents, "events", "INVALID_VALUE"),
    "tap3": FileFormat(tap, "tap:DEUD1", "NOT_IN_TABLE", {"--format": "tap3"}, mapping=TAP_MAPPING, subscriptions=True),
    "charging-data": FileFormat(charging, "chf", "NOT_IN_TABLE", subscriptions=True),
}
