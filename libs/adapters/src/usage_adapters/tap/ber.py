"""Where do the elements of a BER file begin and end (ITU-T X.690), without holding more than one of them?

Lengths may be definite or indefinite, in any mixture. Nothing is held that is longer than the caller allows, and what a
length promises is not believed before it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

APPLICATION: Final = 0x40
_CLASS: Final = 0xC0
_CONSTRUCTED: Final = 0x20
_NUMBER: Final = 0x1F
_LONG: Final = 0x80
_MORE: Final = 0x7F
_INDEFINITE: Final = 0x80
_RESERVED: Final = 0xFF
_MOST_TAG_BYTES: Final = 4
"""Of a tag's number: 28 bits. TAP's need 14."""
_MOST_LENGTH_BYTES: Final = 8
_MOST_DEPTH: Final = 64
"""Of elements within elements; TAP's go 14 deep."""
_BLOCK: Final = 64 * 1024


class BrokenBer(ValueError):  # noqa: N818  # says what is wrong with the file
    """The bytes are no BER from here on."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(f"at byte {offset:,}: {problem}")
        self.offset = offset
        self.problem = problem


class TooLongError(ValueError):
    """An element is longer than the caller allows; the reader stands behind it."""


@dataclass(frozen=True, slots=True)
class Element:
    """The head of an element."""

    tag_class: int
    number: int
    constructed: bool
    length: int | None
    """Of its content; None when an end-of-contents element ends it."""
    start: int
    """Offset of its first byte."""
    content: int
    """Offset of its content."""
    head: bytes
    """Its tag and length as they stand."""

    @property
    def end(self) -> int | None:
        """Offset of the first byte after it, where that is said."""
        return None if self.length is None else self.content + self.length

    @property
    def is_end_of_contents(self) -> bool:
        return self.tag_class == 0 and self.number == 0 and not self.constructed and self.length == 0

    def is_application(self, number: int) -> bool:
        return self.tag_class == APPLICATION and self.number == number


class BerReader:
    """Reads forward, element by element."""

    def __init__(self, content: BinaryIO, offset: int = 0) -> None:
        """`content` stands at `offset`."""
        self._content = content
        self.offset = offset

    def element(self) -> Element | None:
        """The head of the next element; None at the end of the file. Raises BrokenBer."""
        start = self.offset
        first = self._content.read(1)
        if not first:
            return None
        self.offset += 1
        head = bytearray(first)
        number = first[0] & _NUMBER
        if number == _NUMBER:
            number = self._long_number(head, start)
        length = self._length(head, start)
        constructed = bool(first[0] & _CONSTRUCTED)
        if length is None and not constructed:
            raise BrokenBer(start, "an element of indefinite length that holds no elements")
        return Element(first[0] & _CLASS, number, constructed, length, start, self.offset, bytes(head))

    def value(self, element: Element, most: int) -> bytes:
        """The whole element, head included, of at most `most` bytes. Raises TooLongError, BrokenBer."""
        if element.length is not None:
            if element.length + len(element.head) > most:
                self._pass(element.length)
                raise TooLongError
            return element.head + self._take(element.length)
        found = bytearray(element.head)
        for part in self._parts():
            size = len(part.head) + (part.length or 0)
            if len(found) + size > most:
                self._pass(part.length or 0)
                most = 0  # nothing more is kept
                continue
            found += part.head
            found += self._take(part.length or 0)
        if not most:
            raise TooLongError
        return bytes(found)

    def skip(self, element: Element) -> None:
        """Move behind the element. Raises BrokenBer."""
        if element.length is not None:
            self._pass(element.length)
            return
        for part in self._parts():
            self._pass(part.length or 0)

    def at_padding_only(self) -> bool:
        """Whether nothing but zero bytes is left; reads them."""
        while block := self._content.read(_BLOCK):
            if block.strip(b"\0"):
                return False
            self.offset += len(block)
        return True

    def _parts(self) -> Iterator[Element]:
        """What is in an element of indefinite length, up to its end; the caller takes or passes what has a length."""
        depth = 1
        while depth:
            part = self._inner()
            if part.is_end_of_contents:
                depth -= 1
            elif part.length is None:
                depth += 1
                if depth > _MOST_DEPTH:
                    raise BrokenBer(part.start, f"more than {_MOST_DEPTH} elements within one another")
            yield part

    def _inner(self) -> Element:
        inner = self.element()
        if inner is None:
            raise BrokenBer(self.offset, "the file ends within an element")
        return inner

    def _long_number(self, head: bytearray, start: int) -> int:
        number = 0
        for _ in range(_MOST_TAG_BYTES):
            byte = self._byte(head)
            number = number << 7 | byte & _MORE
            if not byte & _LONG:
                return number
        raise BrokenBer(start, f"a tag of more than {_MOST_TAG_BYTES} bytes")

    def _length(self, head: bytearray, start: int) -> int | None:
        first = self._byte(head)
        if first < _LONG:
            return first
        if first == _INDEFINITE:
            return None
        count = first & _MORE
        if first == _RESERVED or count > _MOST_LENGTH_BYTES:
            raise BrokenBer(start, f"a length of {count} bytes")
        length = 0
        for _ in range(count):
            length = length << 8 | self._byte(head)
        return length

    def _byte(self, head: bytearray) -> int:
        byte = self._take(1)
        head += byte
        return byte[0]

    def _take(self, length: int) -> bytes:
        found = self._content.read(length)
        self.offset += len(found)
        if len(found) < length:
            raise BrokenBer(self.offset, f"the file ends {length - len(found):,} bytes too soon")
        return found

    def _pass(self, length: int) -> None:
        left = length
        while left:
            left -= len(self._take(min(left, _BLOCK)))
