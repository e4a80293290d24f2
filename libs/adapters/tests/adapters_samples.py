"""Which files show what each format looks like, and how are files read in tests?"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import Adapter, Chunk, Mark, Options, Reject
from usage_adapters.registry import find

ASTERISK = (
    b'"s-17","1001","+43 1 58880","default","""Ada"" <1001>","PJSIP/1001-00000001","PJSIP/trunk-00000002","Dial",'
    b'"PJSIP/58880@trunk,30","2026-07-01 12:00:00","2026-07-01 12:00:07","2026-07-01 12:01:10",70,63,"ANSWERED",'
    b'"DOCUMENTATION","1782900000.1",""\n'
    b'"s-18","1002","911","default","""Bob"" <1002>","PJSIP/1002-00000003","","Hangup","","2026-07-01 12:00:05","",'
    b'"2026-07-01 12:00:06",1,0,"NO ANSWER","BILLING","1782900005.3","late ""user"" field"\n'
    b'"s-18","1002","100","default","""Bob"" <1002>","PJSIP/1002-00000004","","Echo","","2026-07-01 12:00:09",'
    b'"2026-07-01 12:00:09","2026-07-01 12:00:10",1,1,"ANSWERED","OMIT","1782900009.4",""\n'
)
FREESWITCH = (
    b'"Ada","1001","00431588","default","2026-07-01 12:00:00","2026-07-01 12:00:07","2026-07-01 12:01:10","70","63",'
    b'"NORMAL_CLEARING","5f1c6a2e-7a5b-4a0c-9d0e-000000000001","5f1c6a2e-7a5b-4a0c-9d0e-000000000002", "s-17"\n'
    b'"Bob "the" Man","1002","911","default","2026-07-01 12:00:05","","2026-07-01 12:00:06","1","0",'
    b'"NO_ANSWER","5f1c6a2e-7a5b-4a0c-9d0e-000000000003","","s-18","PCMA","PCMA"\n'
)
USAGE_CSV = (
    b"source,record_id,subscription,usage_type,start_time,quantity,destination,visited_network,location_id\r\n"
    b"msc-7,000123,s-17,voice,2026-01-31T12:00:00Z,61,442071234567,,\r\n"
    b'msc-7,000124,subscriptions/s-17,USAGE_TYPE_DATA,2026-01-31T12:00:00.5+01:00,1024,,26201,"cell, ""12"""\r\n'
)
MEDIATION_MAPPING = """
format: cxmesh-usage-mapping/1
id: mediation
layout:
  kind: delimited
  encoding: iso-8859-1
  delimiter: ";"
  decimal_mark: ","
  comment: "#"
  columns: [type, msisdn, called, start, amount, service, cell]
control:
  header: {starts_with: "H;", columns: [type, file, switch]}
  trailer: {starts_with: "T;", columns: [type, file, count, total]}
  totals:
    - {trailer: count, count: rows}
    - {trailer: total, sum: amount}
    - {trailer: file, same_as_header: file}
skip:
  - {column: service, in: ["99"]}
fields:
  source: {header: switch}
  record_id: {digest: row}
  subscription: {column: msisdn, prefix: m}
  usage_type: {column: service, map: {"01": voice, "02": data, "03": sms}}
  start_time: {column: start, formats: ["%Y%m%d%H%M%S"], time_zone: Europe/Vienna}
  quantity:
    by_type:
      voice: {column: amount, unit: second, rounding: up}
      data: {column: amount, unit: kibibyte, rounding: half_up}
      sms: {constant: 1}
  destination: {column: called, e164: {country_code: "43"}}
  location_id: {column: cell}
"""
MEDIATION = (
    b"H;f-1;msc-9\n"
    b"# made by the mediation\n"
    b"D;436641;0664123456;20260701120000;61,2;01;M\xfcrz 1\n"
    b"D;436642;;20260701120001;0,5;02;c2\n"
    b"D;436642;+436641;20260701120002;0;03;c2\n"
    b"D;436642;;20260701120002;0;99;c2\n"
    b"T;f-1;4;61,7\n"
)
FIXED_MAPPING = """
format: cxmesh-usage-mapping/1
id: fixed
layout:
  kind: fixed-width
  columns:
    - {name: id, start: 1, width: 6}
    - {name: subscriber, start: 7, width: 8}
    - {name: date, start: 15, width: 6}
    - {name: time, start: 21, width: 6}
    - {name: tenths, start: 27, width: 6}
    - {name: called, start: 33, width: 15}
control:
  trailer:
    starts_with: "EOF"
    columns: [{name: rows, start: 4, width: 6}]
  totals: [{trailer: rows, count: rows}]
fields:
  source: {constant: exchange-1}
  record_id: {join: [{column: date}, {column: id}], with: "/"}
  subscription: {column: subscriber}
  usage_type: {constant: voice}
  start_time:
    join: [{column: date}, {column: time}]
    formats: ["%y%m%d%H%M%S"]
    time_zone: UTC
  quantity: {column: tenths, unit: decisecond, rounding: half_even}
  destination: {column: called}
"""
FIXED = b"000001s-17    260701120000000125442071234567   \n000002s-18    260701120000000115               \nEOF000002\n"
JSON_MAPPING = """
format: cxmesh-usage-mapping/1
id: events
layout: {kind: json-lines}
skip: [{column: kind, not_in: [call, session]}]
fields:
  source: {column: node, default: node-0}
  record_id: {column: id}
  subscription: {column: party.account}
  usage_type: {column: kind, map: {call: voice, session: data}, otherwise: content}
  start_time: {column: at, formats: [epoch_ms, rfc3339]}
  quantity:
    by_type:
      voice: {from: {column: at, formats: [epoch_ms]}, to: {column: until, formats: [epoch_ms]}, rounding: up}
      data: {column: octets, unit: byte}
  visited_network: {first_of: [{column: legs.0.plmn}, {column: plmn}]}
"""
JSON_LINES = (
    b'{"id":"a","node":"gw-1","kind":"call","at":1782900000000,"until":1782900001001,"party":{"account":"s-1"}}\n'
    b'{"id":"b","kind":"session","at":"2026-07-01T12:00:00+02:00","octets":12345678901,"party":{"account":"s-2"},'
    b'"legs":[{"plmn":"26201"}]}\n'
    b'{"id":"c","kind":"heartbeat"}\n'
)


def event(number: int, **data: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "type": "org.example.usage",
        "source": "gw-1",
        "id": f"e{number}",
        "data": {"subscription": "s-1", "usageType": "voice", "startTime": "2026-07-01T10:00:00Z", "quantity": "7"}
        | data,
    }


CLOUDEVENTS = b"".join(json.dumps(event(number)).encode() + b"\n" for number in range(3))
CLOUDEVENTS_BATCH = json.dumps([event(number) for number in range(3)], indent=1).encode()

SWITCH = Options(source="pbx-1", time_zone="Europe/Vienna")


@dataclass(frozen=True)
class Sample:
    """A good file and what reads it."""

    name: str
    content: bytes
    options: Options = Options()  # noqa: RUF009  # frozen
    records: int = 2
    skipped: int = 0

    def adapter(self) -> Adapter:
        return find("mapping" if self.options.mapping else self.name).make(self.options)


SAMPLES = (
    Sample("asterisk-csv", ASTERISK, SWITCH, skipped=1),
    Sample("freeswitch-csv", FREESWITCH, SWITCH),
    Sample("usage-csv", USAGE_CSV),
    Sample("mediation", MEDIATION, Options(mapping=MEDIATION_MAPPING), records=3, skipped=1),
    Sample("fixed", FIXED, Options(mapping=FIXED_MAPPING)),
    Sample("events", JSON_LINES, Options(mapping=JSON_MAPPING), skipped=1),
    Sample("cloudevents", CLOUDEVENTS, records=3),
    Sample("cloudevents", CLOUDEVENTS_BATCH, records=3),
)


@dataclass(frozen=True)
class Read:
    """Everything that came of a file."""

    chunks: Sequence[Chunk]

    @property
    def records(self) -> list[object]:
        return [record for chunk in self.chunks for record in chunk.records]

    @property
    def rejects(self) -> list[Reject]:
        return [reject for chunk in self.chunks for reject in chunk.rejects]

    @property
    def places(self) -> list[int]:
        return [place for chunk in self.chunks for place in chunk.places]

    @property
    def skipped(self) -> int:
        return sum(chunk.skipped for chunk in self.chunks)


def read(adapter: Adapter, content: bytes, start: Mark | None = None) -> Read:
    """As a caller does: totals first, then the content from a mark on."""
    if adapter.has_totals:
        adapter.verify(io.BytesIO(content))
    stream = io.BytesIO(content)
    mark = start or Mark()
    stream.seek(mark.offset)
    return Read(list(adapter.read(stream, mark)))


def mapped(mapping: str, **options: str) -> Adapter:
    return find("mapping").make(replace(Options(mapping=mapping), **options))


def refusal(adapter: Adapter, content: bytes) -> str:
    """Why a file is refused whole."""
    try:
        read(adapter, content)
    except FileRefusedError as error:
        return str(error)
    raise AssertionError("it was not refused")
