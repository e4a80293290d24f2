"""How are the elements of one long JSON list read one by one, with bounded memory?

Only brackets and strings are looked at here, so an element that is no sound JSON inside its brackets spoils
itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from usage_adapters.content import BLOCK_BYTES
from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import RAW_BYTES, RECORD_BYTES

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BETWEEN: Final = re.compile(rb"[ \t\r\n,]*")
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_BEFORE: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
_SCALAR_END: Final = re.compile(rb"[,\]\s]")


@dataclass(frozen=True, slots=True)
class RawItem:
    """An element as it stands in the content."""

    raw: bytes
    """Only its beginning when it is too long."""
    end: int
    """Offset after it."""
    cut: int = 0
    """Bytes that were dropped."""


class ItemReader:
    """Elements of a list in content that stands at `offset`: at its opening bracket, or after one of its elements."""

    def __init__(self, content: BinaryIO, offset: int = 0) -> None:
        self._content = content
        self._buffer = b""
        self._at = 0
        """What comes next in the buffer."""
        self._before = offset
        """Offset of the buffer's first byte."""

    def items(self, *, begun: bool) -> Iterator[RawItem]:
        """Raises FileRefusedError when the list doesn't end. `begun`: its opening bracket is behind."""
        if not begun:
            if not self._comes(_BEFORE) or self._next() != b"[":
                raise FileRefusedError("it doesn't begin with a list", expected="an opening bracket [")
            self._at += 1
        while self._comes(_BETWEEN):
            first = self._next()
            if first == b"]":
                self._at += 1
                if self._comes(_BLANK):
                    raise FileRefusedError("there is something after the end of its list", expected="nothing")
                return
            yield self._bracketed() if first in (b"{", b"[") else self._scalar()
        raise FileRefusedError("it ends before its list does", expected="a closing bracket ]")

    def _bracketed(self) -> RawItem:
        """The element that begins here, to its closing bracket."""
        depth, inside, head, cut = 0, False, b"", 0
        at = self._at
        while True:
            at, depth, inside, ended = self._scan(at, depth, inside=inside)
            size = at - self._at
            if ended:
                raw = head or self._buffer[self._at : at]
                self._at = at
                return self._item(raw, cut + size if head else 0)
            if head or size > RECORD_BYTES:
                cut += size
                head = head or self._buffer[self._at : self._at + RAW_BYTES]
                self._at = at
            at -= self._at
            if not self._fill():
                raise FileRefusedError("it ends within an element of its list", expected="closing brackets")

    def _scan(self, at: int, depth: int, *, inside: bool) -> tuple[int, int, bool, bool]:
        """From `at`, which is inside a string or not: how far the buffer lets one see, and whether the element ends."""
        buffer = self._buffer
        if inside:
            match = _IN_STRING.match(buffer, at)
            at = match.end() if match else at
            if buffer[at : at + 1] != b'"':
                return at, depth, True, False
            at += 1
        for match in _TOKEN.finditer(buffer, at):
            token, at = match[0], match.end()
            if token == b'"':
                string = _IN_STRING.match(buffer, at)
                return (string.end() if string else at), depth, True, False
            if token in (b"{", b"["):
                depth += 1
            elif token in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return at, depth, False, True
        return len(buffer), depth, False, False

    def _item(self, raw: bytes, whole: int) -> RawItem:
        """`whole`: the size of an element of which only the beginning was kept, else 0."""
        if not whole and len(raw) > RECORD_BYTES:
            whole, raw = len(raw), raw[:RAW_BYTES]
        return RawItem(raw, self._before + self._at, whole - len(raw) if whole else 0)

    def _scalar(self) -> RawItem:
        """A number, word or string: no element that anybody needs, but it is told."""
        while (match := _SCALAR_END.search(self._buffer, self._at + 1)) is None:
            if len(self._buffer) - self._at > RECORD_BYTES or not self._fill():
                break
        end = match.start() if match else len(self._buffer)
        raw = self._buffer[self._at : end]
        self._at = end
        return self._item(raw, 0)

    def _comes(self, blank: re.Pattern[bytes]) -> bool:
        """Whether anything comes after what is blank."""
        while True:
            match = blank.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return True
            if not self._fill():
                return False

    def _next(self) -> bytes:
        return self._buffer[self._at : self._at + 1]

    def _fill(self) -> bool:
        """Read on, dropping what is behind: `_at` becomes 0."""
        block = self._content.read(BLOCK_BYTES)
        self._before += self._at
        self._buffer = self._buffer[self._at :] + block
        self._at = 0
        return bool(block)
