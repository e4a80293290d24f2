"""How are the lines of content read in blocks, with bounded memory whatever stands between two line ends?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, Final

from usage_adapters.content import BLOCK_BYTES
from usage_adapters.reading import CHUNK_BYTES, RAW_BYTES, RECORD_BYTES

BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Lines:
    """Consecutive lines with their line ends; the last of a file may have none."""

    content: list[bytes] = field(default_factory=list)
    cut: dict[int, int] = field(default_factory=dict)
    """By index, how many bytes were dropped from a line that is too long; `content` holds its beginning."""

    @property
    def size(self) -> int:
        """Bytes of content that they are."""
        return sum(map(len, self.content)) + sum(self.cut.values())

    def after(self, count: int) -> Lines:
        """All but the first `count`."""
        return Lines(self.content[count:], {index - count: size for index, size in self.cut.items() if index >= count})


class LineReader:
    """Lines of content that stands at `offset`."""

    def __init__(self, content: BinaryIO, offset: int = 0, *, longest: int = RECORD_BYTES) -> None:
        """`longest`: bytes of a line that are held at most."""
        self._content = content
        self._longest = longest
        self.offset = offset
        """Where the line after the last one taken begins."""
        self._back = Lines()

    def take(self, limit: int) -> Lines:
        """At most `limit` lines, none when there are no more; fewer when they are long."""
        if self._back.content:
            lines, self._back = Lines(self._back.content[:limit], self._back.cut), self._back.after(limit)
            lines.cut = {index: size for index, size in lines.cut.items() if index < limit}
        else:
            lines = self._read(limit)
        self.offset += lines.size
        return lines

    def give_back(self, lines: Lines) -> None:
        """These lines, which were taken last, will be taken again."""
        count = len(lines.content)
        self.offset -= lines.size
        cut = lines.cut | {index + count: size for index, size in self._back.cut.items()}
        self._back = Lines([*lines.content, *self._back.content], cut)

    def _read(self, limit: int) -> Lines:
        lines, size = Lines(), 0
        content, readline = lines.content, self._content.readline
        while len(content) < limit and size < CHUNK_BYTES:
            line = readline(self._longest + 1)
            if not line:
                break
            if len(line) > self._longest and line[-1:] != b"\n":
                kept = line[:RAW_BYTES]
                lines.cut[len(content)] = len(line) - len(kept) + self._skip_line()
                line = kept
            content.append(line)
            size += len(line)
        return lines

    def _skip_line(self) -> int:
        """Pass over the rest of a line; how long it was."""
        skipped = 0
        while block := self._content.readline(BLOCK_BYTES):
            skipped += len(block)
            if block[-1:] == b"\n":
                break
        return skipped
