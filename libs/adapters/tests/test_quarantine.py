"""Is what was refused kept whole, and read again after repair under the identity that it had?"""

import json

import pytest
from adapters_samples import MEDIATION, MEDIATION_MAPPING, SWITCH, mapped, read, refusal

from usage_adapters.quarantine import entry_of
from usage_adapters.reading import Adapter, Options, Reason
from usage_adapters.registry import find

HEADER = b"record_id,source,subscription,usage_type,start_time,quantity\n"
BAD = b"r1,msc-7,s-1,voice,2026-01-01T00:00:00Z,sixty\n"
NONE = Options()
USAGE_CSV = find("usage-csv").make(Options())


def quarantine(adapter: Adapter, content: bytes, options: Options = NONE) -> list[dict[str, object]]:
    entries = []
    for chunk in read(adapter, content).chunks:
        entries += [json.loads(entry_of(one, adapter, chunk.context, "f.csv", options)) for one in chunk.rejects]
    return entries


def lines(entries: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def replayed(entries: list[dict[str, object]], options: Options = NONE):
    return read(find("quarantine").make(options), lines(entries))


def test_an_entry_says_where_why_and_keeps_the_row() -> None:
    (entry,) = quarantine(USAGE_CSV, HEADER + BAD)
    assert entry["line"] == 2
    assert entry["raw"] == BAD.decode()
    told = ("file", "format", "reason", "field", "value", "source", "record_id", "raw_complete")
    assert [entry[key] for key in told] == [
        "f.csv",
        "usage-csv",
        "INVALID_VALUE",
        "quantity",
        "sixty",
        "msc-7",
        "r1",
        True,
    ]


def test_a_repaired_row_is_read_with_the_columns_of_its_file() -> None:
    (entry,) = quarantine(USAGE_CSV, HEADER + BAD)
    (record,) = replayed([entry | {"raw": BAD.decode().replace("sixty", "60")}]).records
    assert (record.source, record.record_id, record.quantity) == ("msc-7", "r1", 60)


def test_a_row_that_was_not_repaired_is_refused_again_with_its_entry_as_it_was() -> None:
    (entry,) = quarantine(USAGE_CSV, HEADER + BAD)
    adapter = find("quarantine").make(Options())
    (again,) = quarantine(adapter, lines([entry | {"reason": "ERROR_REASON_X"}]))
    assert again == entry


def test_a_digest_of_the_row_stays_the_identity_after_repair() -> None:
    content = MEDIATION.replace(b";01;M", b";77;M")
    (entry,) = quarantine(mapped(MEDIATION_MAPPING), content)
    assert len(str(entry["record_id"])) == 32
    mended = entry | {"raw_base64": None, "raw": "D;436641;0664123456;20260701120000;61,2;01;c1\n"}
    mended.pop("raw_base64")
    (record,) = replayed([mended], Options(mapping=MEDIATION_MAPPING)).records
    assert (record.record_id, record.source, record.quantity) == (entry["record_id"], "msc-9", 62)
    # ... and without one in the entry, the repaired row says what it is.
    (other,) = replayed([mended | {"record_id": ""}], Options(mapping=MEDIATION_MAPPING)).records
    assert other.record_id != record.record_id


def test_rows_that_are_no_text_are_kept_in_base64() -> None:
    (entry,) = quarantine(mapped(MEDIATION_MAPPING), MEDIATION.replace(b";01;M", b";77;M"))
    assert "raw_base64" in entry
    (reject,) = replayed([entry], Options(mapping=MEDIATION_MAPPING)).rejects
    assert (reject.reason, reject.field) == (Reason.NOT_IN_TABLE, "usage_type")


def test_options_of_the_first_run_are_remembered_and_may_be_replaced() -> None:
    row = (
        b'"s-17","1001","911","d","","c","","Dial","","2026-07-01 12:00:00","","",70,6x,"ANSWERED","BILLING","1.2",""\n'
    )
    (entry,) = quarantine(find("asterisk-csv").make(SWITCH), row, SWITCH)
    mended = entry | {"raw": str(entry["raw"]).replace("6x", "63"), "source": ""}
    (record,) = replayed([mended]).records
    assert (record.source, record.start_time.seconds) == ("pbx-1", 1782900000)
    (other,) = replayed([mended], Options(source="pbx-2", time_zone="UTC")).records
    assert (other.source, other.start_time.seconds) == ("pbx-2", 1782907200)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"raw_complete": False}, "the whole row: it was too long to be kept"),
        ({"cxmesh_quarantine": 2}, "an entry of a quarantine"),
        ({"context": "{}"}, "a row and context of usage-csv"),
        ({"raw": None, "raw_base64": "?"}, "raw, or raw_base64 in base64"),
        ({"source": None}, "a text in source"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_alone(change: dict[str, object], problem: str) -> None:
    (entry,) = quarantine(USAGE_CSV, HEADER + BAD)
    good = entry | {"raw": str(entry["raw"]).replace("sixty", "60")}
    done = replayed([entry | change, good])
    assert problem in done.rejects[0].description
    assert len(done.records) == 1


def test_rows_of_a_mapping_need_that_mapping() -> None:
    (entry,) = quarantine(mapped(MEDIATION_MAPPING), MEDIATION.replace(b";01;M", b";77;M"))
    adapter = find("quarantine").make(Options())
    assert "its rows are of 'mediation'; expected the mapping of that id" in refusal(adapter, lines([entry]))
    other = find("quarantine").make(Options(mapping=MEDIATION_MAPPING.replace("id: mediation", "id: other")))
    assert "the mapping given is 'other'" in refusal(other, lines([entry]))
