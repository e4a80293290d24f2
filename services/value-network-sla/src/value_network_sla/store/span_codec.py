"""How do the spans of a chunk lie in one value of a table?

Row by row in a table, spans cost several times what it takes to read and to judge them. So those of a trace that came
together are kept together, column by column; what is looked up (trace, sender, time) stays in columns of the table.

Layout, little-endian: version (1 byte), count n (4); n span ids and n parents' ids of 8 bytes, zeros for none; n starts
and n ends (8 each); n codes (1 each): kind in the lowest three bits, then error, timed out, sender mismatch; then five
texts, each by its length (4): operations, messages, sessions' services, customers, peers, which stand one after the
other with NUL between, or nothing where all are empty. Server addresses follow as a sixth one where there are any: a
version that does not know them does not look beyond the fifth.
"""

import struct
from collections.abc import Sequence
from functools import partial
from typing import Final

from apportioning.span import Span, SpanKind
from value_network_sla.handlers.kept import KeptSpan, SpanRow

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BI")
_LENGTH: Final = struct.Struct("<I")
_ID_BYTES: Final = 8
_NO_PARENT: Final = bytes(_ID_BYTES)
_KINDS: Final = tuple(SpanKind)
"""In the order of their numbers in OTLP."""
_KIND: Final = 0b111
_ERROR: Final = 0b1000
_TIMED_OUT: Final = 0b10000
_MISMATCH: Final = 0b100000
_TEXTS: Final = 5
"""That are always there."""
_NUL: Final = "\0"
_SPAN: Final = partial(tuple.__new__, Span)
"""A span of a tuple that has all its values, in order; `Span._make` would count them each time."""
_PLAIN: Final = bytes(range(_KIND + 1))
"""Codes of spans that say nothing but their kind."""


class UnknownLayout(Exception):  # noqa: N818 - a statement
    """A value that a later version wrote."""


def encode(rows: Sequence[SpanRow]) -> bytes:
    """The rows as one value; texts hold no NUL."""
    span_ids, parents, operations, kinds, starts, ends, errors, late, mismatches, *rare = zip(*rows, strict=True)
    count = len(rows)
    codes = bytes(
        kind | (error and _ERROR) | (timed_out and _TIMED_OUT) | (mismatch and _MISMATCH)
        for kind, error, timed_out, mismatch in zip(kinds, errors, late, mismatches, strict=True)
    )
    parts = [
        _HEAD.pack(_VERSION, count),
        b"".join(span_ids),
        b"".join([parent or _NO_PARENT for parent in parents]),
        struct.pack(f"<{2 * count}Q", *starts, *ends),
        codes,
    ]
    for number, texts in enumerate((operations, *rare)):
        if number < _TEXTS or any(texts):
            joined = _NUL.join(texts).encode() if any(texts) else b""
            parts += (_LENGTH.pack(len(joined)), joined)
    return b"".join(parts)


def decode(value: bytes, sender: str, service: str, instance: str) -> list[Span]:
    """The spans of one sender."""
    columns = _Columns(value)
    count, codes = columns.count, columns.codes
    empty = [""] * count
    never = [False] * count
    plain = not codes.strip(_PLAIN)
    rows = zip(
        columns.span_ids,
        columns.parents,
        [sender] * count,
        columns.texts(0) or empty,
        [_KINDS[code & _KIND] for code in codes],
        columns.starts,
        columns.ends,
        never if plain else [code & _ERROR != 0 for code in codes],
        columns.texts(2) or empty,
        columns.texts(3) or empty,
        never if plain else [code & _TIMED_OUT != 0 for code in codes],
        columns.texts(4) or empty,
        [service] * count,
        [instance] * count,
        columns.texts(5) or empty,
        strict=True,
    )
    return list(map(_SPAN, rows))


def decode_kept(value: bytes, sender: str, service: str, instance: str) -> list[KeptSpan]:
    """The spans, with what people want to know of them."""
    columns = _Columns(value)
    messages = columns.texts(1) or [""] * columns.count
    spans = decode(value, sender, service, instance)
    return [
        KeptSpan(span, span.service, message, code & _MISMATCH != 0)
        for span, message, code in zip(spans, messages, columns.codes, strict=True)
    ]


def any_mismatch(value: bytes) -> bool:
    """Whether the sender claimed, with one of the spans, to be somebody else."""
    _, count = _HEAD.unpack_from(value)
    codes = _HEAD.size + 4 * _ID_BYTES * count
    return any(map(_MISMATCH.__and__, value[codes : codes + count]))


class _Columns:
    """A value, cut up."""

    def __init__(self, value: bytes) -> None:
        version, count = _HEAD.unpack_from(value)
        if version != _VERSION:
            raise UnknownLayout(f"spans are kept in layout {version}; this version reads layout {_VERSION}")
        self.count: int = count
        at = _HEAD.size
        parents = at + _ID_BYTES * count
        times = parents + _ID_BYTES * count
        codes = times + 2 * _ID_BYTES * count
        self.span_ids = [value[place : place + _ID_BYTES] for place in range(at, parents, _ID_BYTES)]
        self.parents = [
            b"" if (parent := value[place : place + _ID_BYTES]) == _NO_PARENT else parent
            for place in range(parents, times, _ID_BYTES)
        ]
        moments: Sequence[int] = struct.unpack_from(f"<{2 * count}Q", value, times)
        self.starts, self.ends = moments[:count], moments[count:]
        self.codes = value[codes : codes + count]
        self._texts: list[str] = []
        at = codes + count
        while at < len(value):
            (length,) = _LENGTH.unpack_from(value, at)
            at += _LENGTH.size
            self._texts.append(value[at : at + length].decode())
            at += length

    def texts(self, number: int) -> list[str] | None:
        """One column of texts; None when all are empty."""
        text = self._texts[number] if number < len(self._texts) else ""
        return text.split(_NUL) if text else None
