"""Does any input break the readers of TAP files and charging data, or make their memory grow?"""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc
from collections.abc import Iterable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_files import indefinite, notification, options, tap, whole
from test_charging_data import adapter as charging_adapter
from test_charging_data import lines, request, used

from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import Adapter, Mark
from usage_adapters.tap.adapter import make, sniff

SEEDS = (whole(), indefinite(whole()), notification(), tap())
JSON_SEED = lines(request(used()), request(used(2), sequence=2)) + json.dumps([request(used(3))], indent=1).encode()
MEGABYTE = 2**20


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A sound file with a few bytes changed, added, taken out or moved."""
    file = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(file) - 1)))
        act = draw(st.sampled_from("csixdt"))
        if act == "c":
            file[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif act == "s":
            del file[at : at + draw(st.integers(1, 20))]
        elif act == "i":
            file[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif act == "x":
            file[at : at + 2] = draw(st.sampled_from([b"\x80\x80", b"\x84\xff", b"\x88\x7f", b"\x00\x00", b"\x1f\xff"]))
        elif act == "d":
            file[at:at] = file[at : at + draw(st.integers(1, 60))]
        else:
            del file[at:]
    return bytes(file)


def exercise(adapter: Adapter, file: bytes) -> None:
    """Whatever the file is, it is refused or read, and nothing else happens."""
    with contextlib.suppress(FileRefusedError):
        adapter.verify(BytesIO(file))
    try:
        for chunk in adapter.read(BytesIO(file), Mark()):
            assert chunk.rows == len(chunk.records) + len(chunk.rejects) + chunk.skipped
            assert chunk.end.offset <= len(file)
            for reject in chunk.rejects[:2]:
                _reread(adapter, reject.raw, chunk.context)
    except FileRefusedError:
        return


def _reread(adapter: Adapter, raw: bytes, context: str) -> None:
    try:
        adapter.reread(raw, context)
    except FileRefusedError:
        return


@settings(max_examples=300)
@given(mutated(SEEDS))
def test_damaged_tap_files_are_refused_or_read(file: bytes) -> None:
    sniff(file)
    exercise(make(options()), file)


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(file: bytes) -> None:
    sniff(file)
    exercise(make(options()), b"\x61" + file)
    exercise(make(options()), file)


@settings(max_examples=200)
@given(mutated((JSON_SEED,)))
def test_damaged_charging_data_are_refused_or_read(file: bytes) -> None:
    exercise(charging_adapter(), file)


class Endless(io.RawIOBase):
    """A long file that is never in memory: a head, and so many bytes of a filling."""

    def __init__(self, head: bytes, filling: bytes, size: int) -> None:
        self._head = head
        self._filling = filling * (65_536 // len(filling))
        self._left = size

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "nobody reads a whole file at once"
        if self._head:
            found, self._head = self._head[:size], self._head[size:]
            return found
        found = self._filling[: min(size, self._left)]
        self._left -= len(found)
        return found


BATCH = tap()
HOSTILE = {
    "an element longer than the file": (b"\x61\x88\x7f" + b"\xff" * 7 + b"\x64\x88\x7f" + b"\xff" * 7, b"\0"),
    "a header of 60 MB": (b"\x61\x80\x64\x84\x03\xff\xff\xff", b"\0"),
    "elements within elements": (b"\x61\x80\x64\x80", b"\x64\x80"),
    "an event of 60 MB": (
        indefinite(BATCH)[: indefinite(BATCH).index(b"\x6f\x80")] + b"\x63\x80" + b"\x69\x84\x03\x90\0\0", b"\0",
    ),
    "an event of endless parts": (
        indefinite(BATCH)[: indefinite(BATCH).index(b"\x6f\x80")] + b"\x63\x80" + b"\x69\x80", b"\x04\x02ab",
    ),
    "zeros after the end": (BATCH, b"\0"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_does_not_grow_with_a_hostile_tap_file(name: str) -> None:
    head, filling = HOSTILE[name]
    adapter = make(options())
    exercise(adapter, whole())  # what is loaded once is not the file's
    size = 40 * MEGABYTE if filling == b"\0" else MEGABYTE // 16
    assert peak(adapter, lambda: Endless(head, filling, size)) < 4 * MEGABYTE


def test_memory_does_not_grow_with_a_long_json_text() -> None:
    adapter = charging_adapter()
    exercise(adapter, JSON_SEED)
    for head, filling in ((b'{"a": "', b"x"), (b'{"a":', b'{"a":'), (b" ", b" "), (b"[", b"{},")):
        size = MEGABYTE // 256 if filling == b"{}," else MEGABYTE // 2 if b":" in filling else 8 * MEGABYTE
        assert peak(adapter, lambda h=head, f=filling, s=size: Endless(h, f, s)) < 4 * MEGABYTE


def peak(adapter: Adapter, make_file: object) -> int:
    """The most memory that reading takes, in bytes."""
    tracemalloc.start()
    try:
        for read in (lambda file: [adapter.verify(file)], lambda file: _drained(adapter.read(file, Mark()))):
            try:
                read(make_file())  # type: ignore[operator]  # each makes its own file
            except FileRefusedError:
                continue
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _drained(chunks: Iterable[object]) -> None:
    for _ in chunks:
        pass
