"""How large is a request's body once it is unpacked, and is it no larger than may be?

Nothing is unpacked beyond the limit: a few kilobytes can stand for gigabytes.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final

PLAIN: Final = frozenset({"", "identity"})
PACKED: Final = frozenset({"gzip", "deflate"})
_EITHER: Final = 47
"""zlib's window bits for gzip or zlib, whichever the header says."""


class BodyTooLarge(Exception):  # noqa: N818 - a statement
    """More than may be, packed or unpacked."""


class BodyBroken(Exception):  # noqa: N818 - a statement
    """What can't be unpacked."""


class Room:
    """How many bytes of bodies may be in memory at a time."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, count: int) -> None:
        """Raise NoRoom when there is none."""
        if count > self._left:
            raise NoRoom
        self._left -= count

    def give_back(self, count: int) -> None:
        """When a body was read and done with."""
        self._left += count


class NoRoom(Exception):  # noqa: N818 - a statement
    """Too many bodies are being read at a time."""


class Body:
    """A body that is being read. Close it when it was dealt with."""

    def __init__(self, room: Room, encoding: str, limit: int) -> None:
        """`encoding` is one of PLAIN or PACKED."""
        self._room = room
        self._limit = limit
        self._read = bytearray()
        self._unpacker = None if encoding in PLAIN else zlib.decompressobj(_EITHER)
        self._fed = False

    async def read(self, parts: AsyncIterator[bytes]) -> bytes:
        """All of it, unpacked; raises BodyTooLarge, BodyBroken or NoRoom."""
        async for part in parts:
            if self._unpacker is None:
                self._add(part)
            else:
                self._unpack(part)
        if self._unpacker is not None and self._fed and not self._unpacker.eof:
            raise BodyBroken("the packed body breaks off")
        return bytes(self._read)

    def close(self) -> None:
        """Its bytes don't count any more."""
        self._room.give_back(len(self._read))
        self._read = bytearray()

    def _unpack(self, part: bytes) -> None:
        """Gzip or zlib; a gzip body may have several members."""
        self._fed = self._fed or bool(part)
        try:
            while part:
                if self._unpacker is None or self._unpacker.eof:
                    self._unpacker = zlib.decompressobj(_EITHER)
                # One byte more than may be, so that too much is told from just enough.
                self._add(self._unpacker.decompress(part, self._limit + 1 - len(self._read)))
                part = self._unpacker.unused_data
        except zlib.error as error:
            raise BodyBroken(f"the body is not packed as its header says: {error}") from error

    def _add(self, part: bytes) -> None:
        if len(self._read) + len(part) > self._limit:
            raise BodyTooLarge
        self._room.take(len(part))
        self._read += part
