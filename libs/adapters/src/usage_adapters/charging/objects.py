"""Where do the JSON objects of a file begin and end, whether they stand on lines, in an array or one after another?

Between objects may stand white space, commas and the brackets of one array. Memory holds one object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import RECORD_BYTES

_BLOCK: Final = 64 * 1024
_STEPS: Final = re.compile(rb'["{}\\]')
_STRING_STEPS: Final = re.compile(rb'["\\]')
_BETWEEN: Final = re.compile(rb"[\s,\[\]]*")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it stands in the file."""

    raw: bytes
    """Its first RECORD_BYTES where it is longer."""
    end: int
    """Offset of the first byte after it."""
    too_long: bool = False
    complete: bool = True
    """False: the file ends within it."""


class Objects:
    """Walks over a file."""

    def __init__(self, content: BinaryIO, offset: int) -> None:
        """`content` stands at `offset`."""
        self._content = content
        self._block = b""
        self._at = 0
        self._base = offset
        self._is_start = offset == 0

    def __iter__(self) -> Iterator[Found]:
        """Raises FileRefusedError for anything else between objects."""
        while self._skip():
            yield self._object()

    def _fill(self) -> bool:
        self._base += len(self._block)
        self._block, self._at = self._content.read(_BLOCK), 0
        return bool(self._block)

    def _skip(self) -> bool:
        """Move to the next object; False at the end."""
        while True:
            if self._at >= len(self._block) and not self._fill():
                return False
            if self._is_start and self._block.startswith(_BOM):
                self._at = len(_BOM)
            self._is_start = False
            between = _BETWEEN.match(self._block, self._at)
            self._at = between.end() if between else self._at
            if self._at < len(self._block):
                if self._block[self._at : self._at + 1] != b"{":
                    place = self._base + self._at
                    raise FileRefusedError("it is no JSON object", place=place, expected="charging data in JSON")
                return True

    def _object(self) -> Found:
        kept, size, depth, in_string = bytearray(), 0, 0, False
        while True:
            start, end = self._at, len(self._block)
            at = start
            while at < len(self._block):
                step = (_STRING_STEPS if in_string else _STEPS).search(self._block, at)
                if step is None:
                    break
                symbol, at = step.group(), step.end()
                if symbol == b"\\":
                    if at == len(self._block):  # what is escaped comes with the next block
                        self._extend()
                        end = len(self._block)
                    at += 1
                elif symbol == b'"':
                    in_string = not in_string
                else:
                    depth += 1 if symbol == b"{" else -1
                    if depth == 0:
                        end = at
                        break
            part = self._block[start:end]
            size += len(part)
            kept += part[: max(0, RECORD_BYTES - len(kept))]
            self._at = end
            if depth == 0 and at == end and kept:
                return Found(bytes(kept), self._base + self._at, size > RECORD_BYTES)
            if not self._fill():
                return Found(bytes(kept), self._base + self._at, size > RECORD_BYTES, complete=False)

    def _extend(self) -> None:
        self._block += self._content.read(1)
