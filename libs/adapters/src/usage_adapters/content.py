"""What are a file's bytes, also when it is compressed, and when is a compressed file refused?"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

from usage_adapters.errors import FileRefusedError

BLOCK_BYTES: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"7z\xbc\xaf": "7-Zip",
}
MAX_EXPANSION: Final = 200
"""How many times its compressed size a file's content may be. Call records come to 5 to 50, gzip's limit is 1,032."""
_FREE_BYTES: Final = 64 * 1024 * 1024
"""Content below this size is never held to be a bomb."""


def open_content(file: Path) -> BinaryIO:
    """The file's content from its start; gzip is told by its first bytes, not by the name. Closing is the caller's."""
    raw = file.open("rb")
    head = raw.read(6)
    raw.seek(0)
    if not head.startswith(_GZIP):
        try:
            refuse_foreign(head)
        except FileRefusedError:
            raw.close()
            raise
        return raw
    return cast("BinaryIO", io.BufferedReader(_Unpacked(raw, file.stat().st_size), BLOCK_BYTES))


def is_compressed(file: Path) -> bool:
    with file.open("rb") as raw:
        return raw.read(len(_GZIP)) == _GZIP


def refuse_foreign(head: bytes) -> None:
    """Refuse what is surely compressed otherwise, or text in 16 or 32 bits."""
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise FileRefusedError(f"it is compressed with {name}", expected="an uncompressed file, or gzip")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefusedError("it is in UTF-16 or UTF-32", expected="UTF-8 or another encoding of single bytes")


def check_compressed(file: Path) -> None:
    """Unpack a compressed file once, so that a damaged or monstrous one is refused before anything of it is sent."""
    if is_compressed(file):
        with open_content(file) as content:
            while content.read(BLOCK_BYTES):
                pass


def skip_to(content: BinaryIO, offset: int) -> None:
    """Move content from its start to an offset. Raises FileRefusedError when it is shorter."""
    if content.seekable():
        content.seek(offset)
        return
    while offset > 0:
        block = content.read(min(offset, BLOCK_BYTES))
        if not block:
            raise FileRefusedError("it is shorter than what was read of it before")
        offset -= len(block)


def rejoined(head: bytes, rest: BinaryIO) -> BinaryIO:
    """Content whose beginning was read already."""
    return cast("BinaryIO", io.BufferedReader(_Rejoined(head, rest), BLOCK_BYTES))


class _Rejoined(io.RawIOBase):
    """Forward only; closing it leaves the rest open."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        if self._head:
            block, self._head = self._head[: len(view)], self._head[len(view) :]
        else:
            block = self._rest.read(len(view))
        view[: len(block)] = block
        return len(block)


class _Unpacked(io.RawIOBase):
    """A gzip file's content, forward only; says in words what is wrong with it."""

    def __init__(self, raw: BinaryIO, size: int) -> None:
        self._raw = raw
        self._gzip = gzip.GzipFile(fileobj=raw)
        self._most = max(size * MAX_EXPANSION, _FREE_BYTES)
        self._done = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._done

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        try:
            block = self._gzip.read(len(view))
        except (OSError, EOFError, zlib.error) as error:
            raise FileRefusedError(
                f"its compression is damaged after {self._done:,} bytes of content: {error}"
            ) from error
        self._done += len(block)
        if self._done > self._most:
            raise FileRefusedError(
                f"its content is more than {MAX_EXPANSION} times its size",
                expected="a file that doesn't exhaust the machine",
            )
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._gzip.close()
            self._raw.close()
        super().close()
