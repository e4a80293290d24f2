"""Are files of each format read as their documentation says they are written?"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from adapters_samples import (
    ASTERISK,
    CLOUDEVENTS,
    CLOUDEVENTS_BATCH,
    FIXED,
    FIXED_MAPPING,
    FREESWITCH,
    JSON_LINES,
    JSON_MAPPING,
    MEDIATION,
    MEDIATION_MAPPING,
    SAMPLES,
    SWITCH,
    USAGE_CSV,
    Sample,
    mapped,
    read,
)

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from usage_adapters.errors import FileRefusedError, OptionError
from usage_adapters.reading import Options
from usage_adapters.registry import HEAD_BYTES, detect, find

VIENNA = ZoneInfo("Europe/Vienna")


def record(
    source: str, record_id: str, subscription: str, kind: str, start: datetime, quantity: int, **more: str
) -> UsageRecord:
    made = UsageRecord(
        source=source,
        record_id=record_id,
        subscription=f"subscriptions/{subscription}",
        usage_type=UsageType.Value(f"USAGE_TYPE_{kind.upper()}"),
        quantity=quantity,
        **more,
    )
    made.start_time.FromDatetime(start.astimezone(UTC))
    return made


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_good_file_gives_its_records_and_no_rejects(sample: Sample) -> None:
    done = read(sample.adapter(), sample.content)
    assert (len(done.records), done.rejects, done.skipped) == (sample.records, [], sample.skipped)


def test_asterisk_calls_are_local_to_the_switch_and_those_to_omit_are_skipped() -> None:
    first, second = read(find("asterisk-csv").make(SWITCH), ASTERISK).records
    noon = datetime(2026, 7, 1, 12, tzinfo=VIENNA)
    assert first == record("pbx-1", first.record_id, "s-17", "voice", noon, 63, destination="+43 1 58880")
    assert first.record_id.startswith("1782900000.1-")
    unanswered = noon.replace(second=5)
    assert second == record("pbx-1", second.record_id, "s-18", "voice", unanswered, 0, destination="911")


def test_several_asterisk_records_of_one_channel_are_told_apart() -> None:
    line = ASTERISK.splitlines(keepends=True)[0]
    other = line.replace(b"PJSIP/trunk-00000002", b"PJSIP/trunk-00000009")
    ids = {one.record_id for one in read(find("asterisk-csv").make(SWITCH), line + other + line).records}
    assert len(ids) == 2


def test_asterisk_without_unique_ids_is_identified_by_its_rows() -> None:
    line = ASTERISK.splitlines()[0].rpartition(b',"1782900000.1"')[0]
    records = read(find("asterisk-csv").make(SWITCH), line + b"\n" + line + b"\n").records
    assert len({one.record_id for one in records}) == 1
    assert len(records[0].record_id) == 32


def test_asterisk_with_the_newer_columns_is_read_too() -> None:
    line = ASTERISK.splitlines()[0] + b',"peer","1782900000.1","5"\n'
    (only,) = read(find("asterisk-csv").make(SWITCH), line).records
    assert only.quantity == 63


def test_a_country_code_completes_what_was_dialled() -> None:
    options = Options(source="pbx-1", time_zone="Europe/Vienna", country_code="43")
    assert [one.destination for one in read(find("asterisk-csv").make(options), ASTERISK).records] == [
        "43158880",
        "911",
    ]


def test_freeswitch_is_read_by_both_of_its_templates_with_quotes_in_names() -> None:
    first, second = read(find("freeswitch-csv").make(SWITCH), FREESWITCH).records
    noon = datetime(2026, 7, 1, 12, tzinfo=VIENNA)
    uuid = "5f1c6a2e-7a5b-4a0c-9d0e-00000000000"
    assert first == record("pbx-1", f"{uuid}1", "s-17", "voice", noon, 63, destination="00431588")
    assert second == record("pbx-1", f"{uuid}3", "s-18", "voice", noon.replace(second=5), 0, destination="911")


def test_freeswitch_with_a_template_of_its_own() -> None:
    mapping = """
format: cxmesh-usage-mapping/1
id: our-switch
extends: freeswitch-csv
layout: {template: '"${uuid}","${sip_from_user}","${destination_number}","${start_epoch}",${billmsec}'}
fields:
  subscription: {column: sip_from_user}
  start_time: {column: start_epoch, formats: [epoch]}
  quantity: {column: billmsec, unit: millisecond}
"""
    adapter = mapped(mapping, source="fs-1")
    (only,) = read(adapter, b'"u-1","s-17","911","1782900000",61001\n').records
    assert only == record(
        "fs-1", "u-1", "s-17", "voice", datetime.fromtimestamp(1782900000, UTC), 62, destination="911"
    )


@pytest.mark.parametrize(("options", "missing"), [(Options(), "source"), (Options(source="pbx-1"), "time_zone")])
def test_what_a_switch_does_not_write_must_be_said(options: Options, missing: str) -> None:
    with pytest.raises(OptionError) as raised:
        find("asterisk-csv").make(options)
    assert raised.value.option == missing


def test_usage_csv_takes_any_order_a_byte_order_mark_and_both_spellings() -> None:
    first, second = read(find("usage-csv").make(Options()), USAGE_CSV).records
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert first == record("msc-7", "000123", "s-17", "voice", noon, 61, destination="442071234567")
    half = datetime(2026, 1, 31, 11, 0, 0, 500_000, tzinfo=UTC)
    expected = record("msc-7", "000124", "s-17", "data", half, 1024, visited_network="26201", location_id='cell, "12"')
    assert second == expected
    turned = b"\xef\xbb\xbfquantity,start_time,usage_type,subscription,record_id,source\n"
    turned += b"5,2026-01-01T00:00:00Z,sms,a,r,msc\n"
    (only,) = read(find("usage-csv").make(Options()), turned).records
    assert (only.quantity, only.source, only.destination) == (5, "msc", "")


def test_a_mediation_file_with_decimal_commas_comments_and_totals() -> None:
    done = read(mapped(MEDIATION_MAPPING), MEDIATION)
    voice, data, sms = done.records
    noon = datetime(2026, 7, 1, 12, tzinfo=VIENNA)
    expected = record(
        "msc-9", voice.record_id, "m436641", "voice", noon, 62, destination="43664123456", location_id="Mürz 1"
    )
    assert voice == expected
    assert (data.quantity, data.usage_type) == (512, UsageType.USAGE_TYPE_DATA)
    assert (sms.quantity, sms.destination) == (1, "436641")
    assert done.places == [3, 4, 5]


def test_rows_of_fixed_width() -> None:
    first, second = read(mapped(FIXED_MAPPING), FIXED).records
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    expected = record("exchange-1", "260701/000001", "s-17", "voice", noon, 12, destination="442071234567")
    assert first == expected
    assert second.quantity == 12  # 11.5 s to the even second


def test_json_lines_by_paths() -> None:
    call, session = read(mapped(JSON_MAPPING), JSON_LINES).records
    start = datetime.fromtimestamp(1782900000, UTC)
    assert call == record("gw-1", "a", "s-1", "voice", start, 2)
    ten = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert session == record("node-0", "b", "s-2", "data", ten, 12345678901, visited_network="26201")


@pytest.mark.parametrize("content", [CLOUDEVENTS, CLOUDEVENTS_BATCH], ids=["lines", "batch"])
def test_cloudevents_identify_their_records(content: bytes) -> None:
    done = read(find("cloudevents").make(Options()), content)
    ten = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert done.records == [record("gw-1", f"e{number}", "s-1", "voice", ten, 7) for number in range(3)]
    assert done.places == [1, 2, 3]


@pytest.mark.parametrize("sample", [one for one in SAMPLES if not one.options.mapping], ids=lambda sample: sample.name)
def test_the_format_of_a_file_is_told_by_its_beginning(sample: Sample) -> None:
    assert detect(sample.content[:HEAD_BYTES]).name == sample.name


@pytest.mark.parametrize("head", [b"", b"\x00\x01", b"a,b,c\n1,2,3\n", b"{}\n", b"[]", b'"a","b"\n'])
def test_what_is_in_no_known_format_is_refused(head: bytes) -> None:
    with pytest.raises(FileRefusedError, match="not recognised"):
        detect(head)


def test_an_unknown_format_is_told_with_those_that_are_known() -> None:
    with pytest.raises(OptionError, match="there is no format 'punched-cards'; expected one of asterisk-csv"):
        find("punched-cards")
