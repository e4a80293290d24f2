"""Does any input crash an adapter, and does every row come to something?"""

import io
from contextlib import suppress
from itertools import pairwise

import pytest
from adapters_samples import SAMPLES, Read, Sample, read
from hypothesis import example, given, settings
from hypothesis import strategies as st

from usage_adapters import cloudevents, line_adapter
from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import Adapter, Mark, Options
from usage_adapters.registry import detect, find

ADAPTERS = [sample.adapter() for sample in SAMPLES]
PIECES = (
    b",",
    b";",
    b'"',
    b"\n",
    b"\r\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\",
    b"\x00",
    b"\xff",
    b"-1",
    b"H;",
    b"T;f",
    b"EOF",
)
BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([*PIECES, b"1", b"abc", b'"specversion":"1.0"', b"\\ud800"]), max_size=60).map(b"".join),
)


@st.composite
def mutated(draw: st.DrawFn, sample: Sample) -> bytes:
    """A good file with some bytes replaced, put in, taken out, and perhaps cut off."""
    content = bytearray(sample.content)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 4))
        content[at : at + length] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)))
    return bytes(content[: draw(st.integers(0, len(content)))]) if draw(st.booleans()) else bytes(content)


def try_to_read(adapter: Adapter, content: bytes) -> Read | None:
    try:
        return read(adapter, content)
    except FileRefusedError:
        return None


def check(adapter: Adapter, content: bytes) -> None:
    """Only records, rejects and refusals come of it; reading again from any mark gives the same rest."""
    done = try_to_read(adapter, content)
    if done is None:
        return
    for chunk in done.chunks:
        assert len(chunk.records) == len(chunk.places) == len(chunk.raws)
        assert chunk.rows <= 1000
        for record in chunk.records:
            record.SerializeToString()
        for reject in chunk.rejects:
            assert reject.description
            assert reject.raw
            # A reject is rejected again for the same reason, as long as nothing was mended.
            again = adapter.reread(reject.raw, chunk.context)
            assert [(one.reason, one.field) for one in again.rejects] == [(reject.reason, reject.field)]
    for number, (before, after) in enumerate(pairwise([Mark(), *(chunk.end for chunk in done.chunks)])):
        assert before.offset <= after.offset
        assert after.rows == before.rows + done.chunks[number].rows
        rest = read(adapter, content, after)
        assert rest.records == [one for chunk in done.chunks[number + 1 :] for one in chunk.records]
        assert rest.rejects == [one for chunk in done.chunks[number + 1 :] for one in chunk.rejects]


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> None:
    """So that small files have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_adapter, "CHUNK_ROWS", 2)
        patch.setattr(line_adapter, "ROW_LINES", 4)
        patch.setattr(cloudevents, "CHUNK_ROWS", 2)
        yield


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
@given(content=BYTES)
@settings(max_examples=100)
@example(b'"')
@example(b'[{"a": "\\')
@example(b"\xef\xbb\xbf")
def test_arbitrary_bytes_never_crash_an_adapter(adapter: Adapter, content: bytes) -> None:
    check(adapter, content)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@given(data=st.data())
@settings(max_examples=150)
def test_mutated_files_never_crash_an_adapter(sample: Sample, data: st.DataObject) -> None:
    check(sample.adapter(), data.draw(mutated(sample)))


@given(content=BYTES)
@settings(max_examples=100)
def test_arbitrary_bytes_never_crash_the_detection(content: bytes) -> None:
    with suppress(FileRefusedError):
        assert detect(content).name


ENTRIES = st.dictionaries(
    st.sampled_from(
        [
            "cxmesh_quarantine",
            "format",
            "options",
            "context",
            "raw",
            "raw_base64",
            "raw_complete",
            "source",
            "record_id",
        ]
    ),
    st.one_of(
        st.just(1),
        st.booleans(),
        st.none(),
        st.sampled_from(
            ["usage-csv", "asterisk-csv", "cloudevents", "mapping", "[[], {}, false]", '[["a"], {}, false]', "é="]
        ),
        st.dictionaries(st.sampled_from(["source", "time_zone"]), st.sampled_from(["x", "Europe/Vienna", "Nowhere"])),
    ),
)


@given(entries=st.lists(ENTRIES, max_size=4), rest=BYTES)
@settings(max_examples=150)
def test_arbitrary_quarantines_never_crash_the_replay(entries: list[dict[str, object]], rest: bytes) -> None:
    import json  # noqa: PLC0415  # beside its only use

    whole = [
        {"cxmesh_quarantine": 1, "raw_complete": True, "format": "usage-csv", "raw": "", "context": ""} | one
        for one in entries
    ]
    content = b"".join(json.dumps(one).encode() + b"\n" for one in whole) + rest
    adapter = find("quarantine").make(Options())
    try:
        chunks = list(adapter.read(io.BytesIO(content), Mark()))
    except FileRefusedError:
        return
    assert all(reject.description for chunk in chunks for reject in chunk.rejects)
