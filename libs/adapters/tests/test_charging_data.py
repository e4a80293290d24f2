"""What becomes of recorded charging data?"""

from __future__ import annotations

import json
from datetime import UTC
from io import BytesIO
from typing import Any

import pytest

from cxmesh.usage.v1 import usage_record_pb2 as pb
from usage_adapters.charging.adapter import ChargingDataAdapter, make, sniff
from usage_adapters.charging.objects import Objects
from usage_adapters.errors import FileRefusedError, OptionError
from usage_adapters.reading import RECORD_BYTES, Chunk, Mark, Options
from usage_adapters.registry import detect

SUPI = "imsi-310260000000001"
MAPPING = """
format: cxmesh-rating-groups/1
rating_groups:
  - {rating_group: 20, service: content, destination: music}
"""
Tree = dict[str, Any]  # Any: JSON


def adapter(**more: Any) -> ChargingDataAdapter:  # Any: fields of Options
    given = {"subscriptions": {"310260000000001": "s-1", "12125550199": "s-2"}, "mapping": MAPPING}
    return make(Options(**(given | more)))  # type: ignore[return-value]  # the format's own adapter


def request(*containers: Tree, group: int = 10, sequence: int = 1, **more: Any) -> Tree:  # Any: JSON
    made = {
        "subscriberIdentifier": SUPI,
        "nfConsumerIdentification": {"nFName": "smf-1", "nodeFunctionality": "SMF"},
        "invocationTimeStamp": "2026-03-15T13:00:00+01:00",
        "invocationSequenceNumber": sequence,
        "multipleUnitUsage": [{"ratingGroup": group, "usedUnitContainer": list(containers)}],
        "pDUSessionChargingInformation": {
            "chargingId": 4711,
            "pduSessionInformation": {
                "pduSessionID": 1,
                "dnnId": "internet",
                "hPlmnId": {"mcc": "310", "mnc": "260"},
                "servingCNPlmnId": {"mcc": "262", "mnc": "01"},
            },
        },
        "notOfOurs": {"deep": [1]},
    }
    return {name: value for name, value in (made | more).items() if value is not None}


def used(number: int = 1, octets: int = 1000, **more: Any) -> Tree:  # Any: JSON
    return {"localSequenceNumber": number, "totalVolume": octets, **more}


def chunks(file: bytes, start: Mark | None = None, **more: Any) -> list[Chunk]:  # Any: fields of Options
    mark = start or Mark()
    content = BytesIO(file)
    content.seek(mark.offset)
    return list(adapter(**more).read(content, mark))


def lines(*requests: Tree) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in requests)


def records(*requests: Tree, **more: Any) -> list[pb.UsageRecord]:  # Any: fields of Options
    found = chunks(lines(*requests), **more)
    assert not any(chunk.rejects for chunk in found)
    return [record for chunk in found for record in chunk.records]


def test_a_container_becomes_a_record() -> None:
    (record,) = records(request(used()))
    assert (record.usage_type, record.quantity, record.subscription) == (pb.USAGE_TYPE_DATA, 1000, "subscriptions/s-1")
    assert (record.source, record.visited_network) == ("chf", "26201")
    assert record.start_time.ToDatetime(UTC).isoformat() == "2026-03-15T12:00:00+00:00"
    assert record.record_id.endswith(":1:10:1")


def test_a_session_recorded_with_its_reference_keeps_its_ids() -> None:
    name = "0f" * 16
    (record,) = records({"operation": "update", "chargingDataRef": name, "request": request(used(7), sequence=3)})
    assert record.record_id == f"{name}:3:10:7"


def test_requests_of_one_session_belong_together_and_others_do_not() -> None:
    other = request(used(), subscriberIdentifier="msisdn-12125550199")
    found = records(request(used()), request(used(), sequence=2), other)
    names = [each.record_id.split(":")[0] for each in found]
    assert names[0] == names[1] != names[2]
    assert len({each.record_id for each in found}) == 3


def test_release_15_names_its_containers_otherwise() -> None:
    old = request()
    old["multipleUnitUsage"] = [{"ratingGroup": 10, "UsedUnitContainer": [used()]}]
    assert len(records(old)) == 1


def test_calls_messages_and_content() -> None:
    call = request({"localSequenceNumber": 1, "time": 90}, pDUSessionChargingInformation=None)
    answered = call | {"iMSChargingInformation": {"roleOfNode": "TERMINATING_ROLE"}}
    message = request({"localSequenceNumber": 1}, pDUSessionChargingInformation=None)
    recipient = {"recipientInfo": [{"recipientGPSI": "msisdn-4915112345678"}], "numberofMessagesSent": 2}
    found = records(
        call | {"iMSChargingInformation": {"calledPartyAddress": "sip:+4930123456@ims"}},
        answered,
        message | {"sMSChargingInformation": recipient},
        request({"localSequenceNumber": 1, "serviceSpecificUnits": 3}, group=20),
    )
    assert [(each.usage_type, each.quantity, each.destination) for each in found] == [
        (pb.USAGE_TYPE_VOICE, 90, "4930123456"),
        (pb.USAGE_TYPE_VOICE, 90, "incoming"),
        (pb.USAGE_TYPE_SMS, 2, "4915112345678"),
        (pb.USAGE_TYPE_CONTENT, 3, "music"),
    ]
    assert found[0].start_time.ToDatetime(UTC).isoformat() == "2026-03-15T11:58:30+00:00"


def test_an_immediate_event_has_used_what_it_asked_for() -> None:
    event = request(pDUSessionChargingInformation=None, oneTimeEvent=True, sMSChargingInformation={})
    event["multipleUnitUsage"] = [{"ratingGroup": 1, "requestedUnit": {"serviceSpecificUnits": 2}}]
    assert [each.quantity for each in records(event)] == [2]
    later = event | {"invocationTimeStamp": "2026-03-15T13:00:01+01:00"}
    assert len({each.record_id for each in records(event, later)}) == 2


def test_a_subscriber_at_home_visits_no_network() -> None:
    home = request(used())
    home["pDUSessionChargingInformation"]["pduSessionInformation"]["servingCNPlmnId"] = {"mcc": "310", "mnc": "260"}
    assert [each.visited_network for each in records(home)] == [""]


def test_a_request_that_only_asks_is_passed_over() -> None:
    (chunk,) = chunks(lines(request()))
    assert (chunk.rows, chunk.skipped) == (1, 1)


@pytest.mark.parametrize("form", ["lines", "array", "indented", "one after another"])
def test_objects_may_stand_in_any_way(form: str) -> None:
    every = [request(used(number)) for number in range(3)]
    texts = {
        "lines": lines(*every),
        "array": json.dumps(every).encode(),
        "indented": b"\xef\xbb\xbf" + json.dumps(every, indent=2).encode(),
        "one after another": b"".join(json.dumps(each).encode() for each in every),
    }
    (chunk,) = chunks(texts[form])
    assert [each.record_id[-1] for each in chunk.records] == ["0", "1", "2"]
    assert chunk.places == [1, 2, 3]


def test_brackets_and_quotes_within_texts_are_texts() -> None:
    tricky = 'a}{"\\'
    (record,) = records(request(used(), nfConsumerIdentification={"nFName": tricky, "nodeFunctionality": "SMF"}))
    assert record.quantity == 1000
    for cut in range(1, 12):  # wherever a block of the file ends
        text = json.dumps({"a": tricky, "b": {"c": "}"}}).encode()
        walked = list(Objects(_Trickle(text + b"\n" + text, cut), 0))  # type: ignore[arg-type]  # reads as a file
        assert [each.raw for each in walked] == [text, text]


class _Trickle:
    """A file that gives few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        self._file = BytesIO(data)
        self._most = most

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._most))


def test_reading_goes_on_where_it_stopped() -> None:
    file = json.dumps([request(used(number)) for number in range(1500)]).encode()
    first, second = chunks(file)
    (rest,) = chunks(file, first.end)
    assert [each.record_id for each in rest.records] == [each.record_id for each in second.records]
    assert (first.rows, rest.places[0]) == (1000, 1001)


REJECTED: dict[str, tuple[bytes, str, str]] = {
    "no JSON": (b"{'a': 1}", "MALFORMED", ""),
    "cut off": (lines(request(used()))[:-9], "MALFORMED", ""),
    "another type": (lines(request(used(), invocationSequenceNumber="x")), "MALFORMED", ""),
    "no time": (lines(request(used(), invocationTimeStamp=None)), "MISSING_VALUE", "start_time"),
    "no number": (lines(request(used(), invocationSequenceNumber=None)), "MISSING_VALUE", "record_id"),
    "no subscriber": (lines(request(used(), subscriberIdentifier=None)), "MISSING_VALUE", "subscription"),
    "a stranger": (lines(request(used(), subscriberIdentifier="imsi-1")), "NOT_IN_TABLE", "subscription"),
    "no container number": (lines(request({"totalVolume": 1})), "MISSING_VALUE", "record_id"),
    "no volume": (lines(request({"localSequenceNumber": 1, "time": 5})), "MISSING_VALUE", "quantity"),
    "too much": (lines(request(used(octets=2**51))), "INVALID_VALUE", "quantity"),
    "an unknown group": (lines(request(used(), pDUSessionChargingInformation=None)), "NOT_IN_TABLE", "usage_type"),
    "an odd reference": (
        lines({"chargingDataRef": "a b", "request": request(used())}), "INVALID_VALUE", "record_id",
    ),
    "too long": (lines(request(used(), pad="x" * RECORD_BYTES)), "TOO_LONG", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_no_usage_is_rejected_with_its_reason(name: str) -> None:
    file, reason, field = REJECTED[name]
    (chunk,) = chunks(lines(request(used(5))) + file)
    (reject,) = chunk.rejects
    assert (reject.reason, reject.field, reject.place) == (reason, field, 2)
    assert len(chunk.records) == 1


def test_a_repaired_request_is_read_again() -> None:
    (chunk,) = chunks(REJECTED["no number"][0])
    (reject,) = chunk.rejects
    repaired = json.dumps(json.loads(reject.raw) | {"invocationSequenceNumber": 4}).encode()
    assert len(adapter().reread(repaired, chunk.context).records) == 1


def test_something_else_between_objects_refuses_the_file() -> None:
    with pytest.raises(FileRefusedError) as raised:
        chunks(b'{"a": 1} nonsense')
    assert raised.value.place == 9


def test_files_are_told_by_their_words() -> None:
    for file in (lines(request(used())), json.dumps([request(used())], indent=1).encode()):
        assert detect(file).name == "charging-data"
    assert sniff(b'{"a": 1}') == sniff(b"") == 0.0


@pytest.mark.parametrize(
    "mapping",
    ["a: [", "format: x", "format: cxmesh-rating-groups/1", MAPPING + "  - {rating_group: -1, service: data}",
     MAPPING + "  - {rating_group: 1, service: tea}", MAPPING + "  - 7",
     MAPPING + "  - {rating_group: 20, service: data}"],
)  # fmt: skip
def test_a_mapping_that_cannot_be_used_is_refused(mapping: str) -> None:
    with pytest.raises(OptionError) as raised:
        adapter(mapping=mapping)
    assert raised.value.option == "mapping"


def test_a_table_of_subscriptions_is_needed() -> None:
    with pytest.raises(OptionError) as raised:
        adapter(subscriptions=None)
    assert raised.value.option == "subscriptions"
