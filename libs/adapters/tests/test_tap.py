"""What becomes of TAP files?"""

from __future__ import annotations

import dataclasses
from datetime import UTC
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from tap_files import (
    EVERY_KIND,
    IMSI,
    MAPPING,
    OTHER,
    SUBSCRIBER,
    TAXES,
    TOTAL,
    bcd,
    call,
    content,
    data,
    incoming,
    indefinite,
    notification,
    options,
    session,
    stamp,
    subscriber,
    tap,
    text_message,
    whole,
)

from cxmesh.usage.v1 import usage_record_pb2 as pb
from usage_adapters.errors import FileRefusedError, OptionError
from usage_adapters.reading import Chunk, Mark, Reject
from usage_adapters.registry import detect, find
from usage_adapters.tap.adapter import TapAdapter, make, sniff
from usage_adapters.tap.wholesale import wholesale_charges, write_wholesale


def adapter(**more: Any) -> TapAdapter:  # Any: fields of Options
    return make(options(**more))  # type: ignore[return-value]  # the format's own adapter


def chunks(file: bytes, start: Mark | None = None, **more: Any) -> list[Chunk]:  # Any: fields of Options
    mark = start or Mark()
    content_ = BytesIO(file)
    content_.seek(mark.offset)
    return list(adapter(**more).read(content_, mark))


def records(file: bytes, **more: Any) -> list[pb.UsageRecord]:  # Any: fields of Options
    adapter(**more).verify(BytesIO(file))
    found = chunks(file, **more)
    assert not any(chunk.rejects for chunk in found)
    return [record for chunk in found for record in chunk.records]


def only_reject(*events: Any, **more: Any) -> Reject:  # Any: as tap takes them
    (chunk,) = chunks(tap(*events, **more))
    (reject,) = chunk.rejects
    return reject


def refused(file: bytes, **more: Any) -> str:  # Any: fields of Options
    with pytest.raises(FileRefusedError) as raised:
        adapter(**more).verify(BytesIO(file))
    return str(raised.value)


def test_a_file_of_every_kind_becomes_records() -> None:
    found = [
        (pb.UsageType.Name(each.usage_type).removeprefix("USAGE_TYPE_"), each.quantity, each.destination)
        for each in records(whole())
    ]
    assert found == [
        ("VOICE", 61, "4930123456"),
        ("SMS", 1, "491511234567"),
        ("VOICE", 30, "incoming"),
        ("SMS", 1, "incoming"),
        ("CONTENT", 1, "supplementary-service-21"),
        ("SMS", 1, "0301234567"),  # of FRAF1, of which no calling code is known
        ("DATA", 1500, ""),
        ("CONTENT", 1, "song"),
        ("CONTENT", 1, "film"),
        ("CONTENT", 1, "location-service"),
        ("SMS", 1, "491511234567"),
        ("SMS", 1, "incoming"),
        ("VOICE", 120, "4930123456"),
        ("VOICE", 120, "incoming"),
    ]


def test_totals_are_reconciled_and_shown() -> None:
    assert adapter().verify(BytesIO(whole())) == {
        "callEventDetailsCount": "13",
        "totalCharge": str(TOTAL),
        "totalTaxValue": str(TAXES),
        "totalDiscountValue": "0",
        "earliestCallTimeStamp": "2026-03-15T11:00:00Z",
        "latestCallTimeStamp": "2026-03-15T11:00:00Z",
    }


def test_a_record_says_whose_when_and_where() -> None:
    (record,) = records(tap(call()))
    assert (record.source, record.subscription, record.visited_network) == ("tap:DEUD1", "subscriptions/s-1", "26201")
    assert (record.start_time.ToDatetime(UTC).isoformat(), record.location_id) == (
        "2026-03-15T11:00:00+00:00",
        "17-4711",
    )
    assert len(record.record_id) == 32


def test_the_same_event_has_the_same_id_wherever_it_stands() -> None:
    first = records(tap(call(), call(10)))
    again = records(tap(call(10), call(), control={"fileSequenceNumber": b"00043"}))
    assert [each.record_id for each in first] == [each.record_id for each in again[::-1]]


def test_several_records_of_one_event_are_told_apart() -> None:
    first, second = records(tap(content("song", "film"), total=600, tax=114))
    name = first.record_id.removesuffix(":1")
    assert (len(name), second.record_id) == (32, f"{name}:2")


def test_a_subscriber_is_found_by_number_where_the_imsi_is_unknown() -> None:
    who = subscriber("310260999999999", "12125550177")
    (record,) = records(tap(call(who=who)))
    assert record.subscription == f"subscriptions/{OTHER}"


def test_the_network_that_served_takes_the_place_of_the_sender() -> None:
    place = {"geographicalLocation": {"servingNetwork": b"FRAF1"}}
    (record,) = records(tap(call(place=place)))
    assert record.visited_network == "20801"


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [("0301234567", "49301234567"), ("0012125550100", "12125550100"), ("+12125550100", "12125550100"), ("110", "110")],
)
def test_a_number_as_it_was_dialled_is_read_as_dialled_there(dialled: str, expected: str) -> None:
    (record,) = records(tap(call(called="", destination={"dialledDigits": dialled.encode()})))
    assert record.destination == expected


def test_local_times_become_utc_by_the_offset_of_their_code() -> None:
    file = tap(call(at=stamp("20260315120000", 2)), audit={
        "earliestCallTimeStamp": {"localTimeStamp": b"20260315163000", "utcTimeOffset": b"+0100"},
        "latestCallTimeStamp": {"localTimeStamp": b"20260315113000", "utcTimeOffset": b"-0400"},
    })  # fmt: skip
    (record,) = records(file)
    assert record.start_time.ToDatetime(UTC).isoformat() == "2026-03-15T15:30:00+00:00"


def test_quantities_come_from_chargeable_units_where_the_event_has_none() -> None:
    found = records(tap(call(None, units=77), data(0, 0)))
    assert [each.quantity for each in found] == [77, 1500]


@pytest.mark.parametrize("file", [whole(), tap(), notification()], ids=["batch", "empty", "notification"])
def test_indefinite_lengths_say_the_same(file: bytes) -> None:
    other = indefinite(file)
    assert other != file
    assert adapter().verify(BytesIO(other)) == adapter().verify(BytesIO(file))
    plain = [[(each.usage_type, each.quantity) for each in chunk.records] for chunk in chunks(file)]
    assert [[(each.usage_type, each.quantity) for each in chunk.records] for chunk in chunks(other)] == plain


def test_zero_bytes_may_follow_the_end() -> None:
    assert len(records(tap(call()) + b"\0" * 100)) == 1


def test_a_notification_reports_nothing() -> None:
    assert records(notification()) == []
    assert adapter().verify(BytesIO(notification())) == {"callEventDetailsCount": "0"}


def test_reading_goes_on_where_it_stopped() -> None:
    events = [call(number) for number in range(1, 1202)]
    file = tap(*events)
    for each in (file, indefinite(file)):
        every = chunks(each)
        assert [chunk.rows for chunk in every] == [1000, 201]
        rest = chunks(each, every[0].end)
        assert [record.quantity for chunk in rest for record in chunk.records] == list(range(1001, 1202))
        assert rest[0].places[0] == 1001
        assert chunks(each, every[-1].end) == []


def test_a_rejected_event_is_read_again_after_repair() -> None:
    file = tap(call(who=subscriber("310260999999999", "999")))
    (chunk,) = chunks(file)
    (reject,) = chunk.rejects
    assert (reject.reason, reject.field, reject.value, reject.place) == (
        "NOT_IN_TABLE", "subscription", "310260999999999", 1,
    )  # fmt: skip
    assert (reject.source, reject.raw_complete) == ("tap:DEUD1", True)
    again = adapter(subscriptions={"310260999999999": SUBSCRIBER}).reread(reject.raw, chunk.context)
    assert [each.record_id for each in again.records] == [reject.record_id]
    with pytest.raises(FileRefusedError):
        adapter().reread(reject.raw[:-1], chunk.context)
    with pytest.raises(FileRefusedError):
        adapter().reread(reject.raw, "nonsense")


def without(event: Any, *path: str) -> Any:  # Any: a choice
    """The event without one of its parts."""
    kind, tree = event
    if len(path) == 1:
        return kind, {name: value for name, value in tree.items() if name != path[0]}
    inner = without((kind, tree[path[0]]), *path[1:])[1]
    return kind, tree | {path[0]: inner}


SEVERE = {
    "no subscriber": (without(call(), "basicCallInformation", "chargeableSubscriber"), "MISSING_VALUE", "subscription"),
    "no time": (without(call(), "basicCallInformation", "callEventStartTimeStamp"), "MISSING_VALUE", "start_time"),
    "no basic information": (without(call(), "basicCallInformation"), "MISSING_VALUE", ""),
    "a code of no offset": (call(at=stamp(code=9)), "INVALID_VALUE", "start_time"),
    "no such day": (call(at=stamp("20260231120000")), "INVALID_VALUE", "start_time"),
    "a call of two years": (call(63_072_000), "INVALID_VALUE", "quantity"),
    "letters in a number": (call(called="49ce30"), "INVALID_VALUE", "destination"),
    "no volume": (without(data(0, 0), "gprsServiceUsed", "chargeInformationList"), "MISSING_VALUE", "quantity"),
    "an unlisted service code": (text_message(7), "NOT_IN_TABLE", "usage_type"),
    "a refund": (content("song", refund=True), "INVALID_VALUE", "quantity"),
    "an unknown network": (
        call(place={"geographicalLocation": {"servingNetwork": b"GBRVF"}}), "NOT_IN_TABLE", "visited_network",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERE)
def test_an_event_that_is_no_usage_is_rejected_alone(name: str) -> None:
    event, reason, field = SEVERE[name]
    (chunk,) = chunks(tap(call(), event, call(5)))
    (reject,) = chunk.rejects
    assert (reject.reason, reject.field, reject.place) == (reason, field, 2)
    assert [each.quantity for each in chunk.records] == [61, 5]
    assert reject.description


FATAL: dict[str, tuple[bytes, str]] = {
    "no BER": (b"\x1f\xff\xff\xff\xff\xff", "a tag of more than 4 bytes"),
    "nothing": (b"", "it ends too soon"),
    "another file": (b"\x30\x03\x02\x01\x05", "it is no TAP file"),
    "cut off": (tap(call())[:-9], "the file ends"),
    "followed by something": (tap(call()) + b"\x01", "something follows the end"),
    "another issue": (tap(call(), control={"specificationVersionNumber": 4}), "it is TAP 4.12"),
    "a release to come": (tap(call(), control={"releaseVersionNumber": 13}), "it is TAP 3.13"),
    "for another": (tap(call(), control={"recipient": b"GBRVF"}), "it is for GBRVF"),
    "from a stranger": (tap(call(), control={"sender": b"GBRVF"}), "its sender GBRVF is in no table"),
    "test data": (tap(call(), control={"fileTypeIndicator": b"T"}), "it is test data"),
    "no sender": (tap(call(), control={"sender": b"deud1"}), "sender: 'deud1'"),
    "no sequence number": (tap(call(), control={"fileSequenceNumber": b"0004x"}), "fileSequenceNumber: '0004x'"),
    "no accounting": (tap(call(), accountingInfo=None), "it has no accountingInfo"),
    "no offsets": (tap(call(), networkInfo=None), "lists no utcTimeOffsetInfo"),
    "no audit": (tap(call(), auditControlInfo=None), "it has no auditControlInfo"),
    "no events and no audit": (tap(callEventDetails=None, auditControlInfo=None), "neither callEventDetails nor"),
    "too few counted": (tap(call(), audit={"callEventDetailsCount": 2}), "callEventDetailsCount says 2; expected 1"),
    "another charge": (tap(call(), total=999), "totalCharge says 999; expected 1,000"),
    "another tax": (tap(call(tax=190), tax=19), "totalTaxValue says 19; expected 190"),
    "another discount": (tap(call(discount=5)), "totalDiscountValue says 0; expected 5"),
    "another first time": (
        tap(call(), audit={"earliestCallTimeStamp": {"localTimeStamp": b"20260315110000", "utcTimeOffset": b"+0100"}}),
        "earliestCallTimeStamp says 2026-03-15T10:00:00Z",
    ),
    "another last time": (
        tap(call(), audit={"latestCallTimeStamp": {"localTimeStamp": b"20260315120000", "utcTimeOffset": b"+0000"}}),
        "latestCallTimeStamp says 2026-03-15T12:00:00Z",
    ),
    "a refund that is not summed": (tap(content("song", refund=True), total=0), "totalChargeRefund says nothing"),
    "a wrong offset": (
        tap(call(), networkInfo={"utcTimeOffsetInfo": [{"utcTimeOffsetCode": 1, "utcTimeOffset": b"+9999"}]}),
        "expected an offset from UTC like +0100",
    ),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_file_that_contradicts_itself_is_refused_whole(name: str) -> None:
    file, problem = FATAL[name]
    assert problem in refused(file)


def test_an_event_with_broken_bytes_refuses_the_file_for_its_totals_cannot_be_known() -> None:
    file = tap(call(), call(5))
    at = file.index(bcd(IMSI)) - 1
    broken = file[:at] + b"\x7f" + file[at + 1 :]
    assert "at 1: " in refused(broken)


def test_test_data_is_taken_where_the_mapping_says_so() -> None:
    file = tap(call(), control={"fileTypeIndicator": b"T"})
    assert len(records(file, mapping=MAPPING + "test_files: accept\n")) == 1


OPTIONS = {
    "no table of subscriptions": ({"subscriptions": None}, "subscriptions"),
    "no mapping": ({"mapping": ""}, "mapping"),
    "no YAML": ({"mapping": "a: ["}, "mapping"),
    "another format": ({"mapping": "format: x"}, "mapping"),
    "no networks": ({"mapping": "format: cxmesh-tap/1"}, "mapping"),
    "a network without quotes": ({"mapping": "format: cxmesh-tap/1\nnetworks: {DEUD1: 26201}"}, "mapping"),
    "no TADIG code": ({"mapping": 'format: cxmesh-tap/1\nnetworks: {telekom: "26201"}'}, "mapping"),
    "an unknown field": ({"mapping": MAPPING + "more: 1"}, "mapping"),
    "a source that cannot be": ({"source": "a b"}, "source"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_cannot_be_used_are_named(name: str) -> None:
    changes, option = OPTIONS[name]
    with pytest.raises(OptionError) as raised:
        make(options(**changes))
    assert raised.value.option == option


def test_files_are_told_by_their_first_bytes() -> None:
    for file in (whole(), notification(), tap(), indefinite(whole())):
        assert detect(file[:4096]).name == "tap3"
        assert sniff(file[:64]) > 0.9
    assert sniff(b"") == sniff(b"a,b,c") == sniff(b"\x61\xff\xff") == 0.0


def test_a_mapping_for_tap_files_says_what_it_is_for() -> None:
    made = find("mapping").make(options())
    assert made.name == "tap3"
    assert len([each for chunk in made.read(BytesIO(whole()), Mark()) for each in chunk.records]) == 14


def test_a_source_of_the_giver_takes_the_place_of_the_senders() -> None:
    assert [each.source for each in records(tap(call()), source="acme:tap")] == ["acme:tap"]
    assert adapter().fingerprint != adapter(source="acme:tap").fingerprint


def test_wholesale_charges_stand_beside_the_records() -> None:
    file = tap(call(amount=1_234_567, tax=235, discount=12),
               total=1_234_567, tax=235, discount=12)  # fmt: skip
    (record,) = records(file)
    (charge,) = wholesale_charges(BytesIO(file), options())
    assert (charge.source, charge.record_id, charge.place) == (record.source, record.record_id, 1)
    assert (charge.amount, charge.currency, charge.item) == (Decimal("1234.567"), "SDR", "D")
    assert (charge.exchange_rate, charge.local_currency) == (Decimal("1.21500"), "EUR")
    assert (charge.discount, charge.event_time) == (Decimal("0.012"), "2026-03-15T11:00:00Z")
    assert [(tax.kind, tax.amount) for tax in charge.taxes] == [("13 at 19.00000", Decimal("0.235"))]
    told = StringIO()
    assert write_wholesale(wholesale_charges(BytesIO(whole()), options()), told) == len(EVERY_KIND) + 1
    assert '"amount":"1.000"' in told.getvalue()


def test_wholesale_charges_add_up_to_the_files_total() -> None:
    found = list(wholesale_charges(BytesIO(whole()), options()))
    assert sum(each.amount for each in found) == Decimal(TOTAL) / 1000
    assert sum(tax.amount for each in found for tax in each.taxes) == Decimal(TAXES) / 1000


def test_events_of_every_kind_carry_their_charges() -> None:
    for event in EVERY_KIND:
        found = list(wholesale_charges(BytesIO(tap(event)), options()))
        assert found, event[0]
        assert all(dataclasses.asdict(each)["amount"] > 0 for each in found)
    assert incoming()[0] != session()[0]
