"""How is a file of lines read: first lines, control records, then chunk after chunk through a layout and a plan?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Literal

from usage_adapters.control import Control, Reconciliation
from usage_adapters.delimited import ROW_LINES
from usage_adapters.errors import FileRefusedError
from usage_adapters.layout import Layout, Split, too_long
from usage_adapters.lines import BOM, LineReader, Lines
from usage_adapters.plan import Plan
from usage_adapters.reading import CHUNK_ROWS, Chunk, Mark, Totals, shown
from usage_adapters.table import Table

_NO_CONTROL: Final = Control()


@dataclass(slots=True)
class _Reading:
    """What is known of a file while it is read; its JSON is Mark.state."""

    names: Sequence[str] = ()
    header: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    """Whether the trailer was there."""
    begun: bool = False

    def text(self) -> str:
        return json.dumps([list(self.names), dict(self.header), self.closed])

    @classmethod
    def of(cls, state: str) -> _Reading:
        if not state:
            return cls()
        match json.loads(state):
            case [list(names), dict(header), bool(closed)]:
                if all(isinstance(text, str) for text in [*names, *header.values()]):
                    return cls(names, header, closed, begun=True)
        raise ValueError("expected columns, a header and whether the trailer was there")


@dataclass(slots=True)
class _Block:
    """Rows of consecutive lines: each raw row with its place, and what the lines were beside rows."""

    raws: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    cut: dict[int, int] = field(default_factory=dict)
    """By index in `raws`."""
    last_place: int = 0


@dataclass(frozen=True, slots=True)
class LineAdapter:
    """An Adapter for files whose rows are lines."""

    name: str
    layout: Layout
    plan: Plan
    needed: tuple[str, ...]
    """Columns that the plan reads."""
    fingerprint: str = ""
    control: Control = _NO_CONTROL
    skip_lines: int = 0
    """Lines before anything else, which say nothing to a machine."""
    comment: bytes = b""
    """Lines that begin so are no rows."""
    optional: frozenset[str] = frozenset()
    """Needed columns that a file which names its columns may lack."""
    allowed: frozenset[str] | None = None
    """Columns that such a file may have; None: any."""
    grows: bool = True

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        return "line"

    @property
    def has_totals(self) -> bool:
        return bool(self.control.header or self.control.trailer)

    def verify(self, content: BinaryIO) -> Totals:
        total = Reconciliation(self.control)
        reader, reading = LineReader(content), _Reading()
        place = self._begin(reader, reading)
        while block := self._block(reader, reading, place, total):
            split = self._split(block, reading, (*self.needed, *self.control.summed))
            columns = split.columns(tuple(dict.fromkeys((*self.needed, *self.control.summed))))
            total.see_rows(len(split.rows) + len(split.rejects) + len(block.cut), columns, split.places)
            place = block.last_place
        return total.verdict()

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        reader, reading = LineReader(content, start.offset), _Reading.of(start.state)
        place, rows = start.place, start.rows
        if not reading.begun:
            place = self._begin(reader, reading)
        while block := self._block(reader, reading, place):
            chunk = self._chunk(block, reading)
            place, rows = block.last_place, rows + chunk.rows
            chunk.end = Mark(reader.offset, rows, place, reading.text())
            yield chunk

    def reread(self, raw: bytes, context: str) -> Chunk:
        return self._chunk(_Block([raw], [0]), _Reading.of(context))

    def _chunk(self, block: _Block, reading: _Reading) -> Chunk:
        chunk = Chunk(context=reading.text())
        split = self._split(block, reading, self.needed)
        chunk.rejects.extend(split.rejects)
        chunk.rejects.extend(
            too_long(block.places[index], block.raws[index], size) for index, size in block.cut.items()
        )
        table = Table(split.columns(self.needed), split.raws, split.places, reading.header)
        self.plan.apply(table, chunk)
        chunk.rejects.sort(key=lambda reject: reject.place)
        return chunk

    def _split(self, block: _Block, reading: _Reading, needed: Sequence[str]) -> Split:
        raws, places = block.raws, block.places
        if block.cut:
            whole = [index for index in range(len(raws)) if index not in block.cut]
            raws, places = [raws[index] for index in whole], [places[index] for index in whole]
        names = reading.names or self.layout.names
        wanted = tuple(dict.fromkeys(needed))
        if not reading.names:
            return self.layout.split(raws, places, names, wanted)
        there = [name for name in wanted if name in names]
        split = self.layout.split(raws, places, names, there)
        if len(there) < len(wanted):
            order = [there.index(name) if name in there else -1 for name in wanted]
            split.rows = [[row[index] if index >= 0 else "" for index in order] for row in split.rows]
        return split

    def _begin(self, reader: LineReader, reading: _Reading) -> int:
        """Pass over what stands before the rows; the place of the last line of it."""
        place = 0
        for _ in range(self.skip_lines):
            place += len(reader.take(1).content)
        reading.begun = True
        if not self.layout.reads_names:
            return place
        while (lines := reader.take(1)).content:
            place += 1
            line = _without_bom(lines.content[0], place)
            if line.strip() and not (self.comment and line.startswith(self.comment)):
                if lines.cut:
                    raise FileRefusedError("the line that names the columns has no end")
                reading.names = self._checked(self.layout.names_of(line))
                return place
        reading.names = self._checked([])
        return place

    def _checked(self, names: Sequence[str]) -> Sequence[str]:
        missing = [name for name in self.needed if name not in names and name not in self.optional]
        missing += [name for name in self.control.summed if name not in names and name not in missing]
        unknown = [shown(name) for name in names if self.allowed is not None and name not in self.allowed]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        problems = [
            f"{what} {', '.join(columns)}"
            for what, columns in (("it lacks", missing), ("it has unknown", unknown), ("it repeats", twice))
            if columns
        ]
        if problems:
            raise FileRefusedError(f"the header does not fit: {'; '.join(problems)}")
        return names

    def _block(
        self, reader: LineReader, reading: _Reading, place: int, total: Reconciliation | None = None
    ) -> _Block | None:
        """The next rows; None at the end."""
        lines = reader.take(CHUNK_ROWS)
        if not lines.content:
            return None
        lines.content[0] = _without_bom(lines.content[0], place + 1)
        groups = self.layout.group(lines.content, final=False)
        if groups is not None:
            return self._grouped(reader, lines, groups, place)
        block = _Block(list(lines.content), list(range(place + 1, place + 1 + len(lines.content))), dict(lines.cut))
        block.last_place = place + len(lines.content)
        if self.comment or self.has_totals:
            self._take_out(block, reading, total)
        return block

    def _grouped(self, reader: LineReader, lines: Lines, groups: list[int], place: int) -> _Block:
        """Rows that go over several lines; one that goes on after the block is read to its end."""
        if groups[-1] == 0:
            ahead = reader.take(ROW_LINES)
            lines = Lines([*lines.content, *ahead.content], lines.cut | _moved(ahead.cut, len(lines.content)))
            again = self.layout.group(lines.content, final=True)
            groups = (again if again is not None else [1] * len(lines.content))[: len(groups)]
        block, at = _Block(), 0
        for count in groups:
            if any(at + line in lines.cut for line in range(count)):
                block.cut[len(block.raws)] = sum(lines.cut.get(at + line, 0) for line in range(count))
            block.raws.append(b"".join(lines.content[at : at + count]))
            block.places.append(place + 1 + at)
            at += count
        reader.give_back(lines.after(at))
        block.last_place = place + at
        return block

    def _take_out(self, block: _Block, reading: _Reading, total: Reconciliation | None) -> None:
        """Take comments and control records out of the rows."""
        marks = (*self.control.prefixes, *((self.comment,) if self.comment else ()))
        if not reading.closed and self._is_plain(block, reading, marks):
            return
        kept = _Block(last_place=block.last_place)
        for index, (raw, place) in enumerate(zip(block.raws, block.places, strict=True)):
            if not raw.strip() or (self.comment and raw.startswith(self.comment)):
                continue
            kind = self.control.kind(raw)
            if kind is not None:
                self._see_control(kind, raw, place, reading, total)
                continue
            if reading.closed:
                raise FileRefusedError("there are rows after the trailer", place=place)
            if self.control.header and not reading.header:
                raise FileRefusedError("there are rows before the header", place=place)
            if index in block.cut:
                kept.cut[len(kept.raws)] = block.cut[index]
            kept.raws.append(raw)
            kept.places.append(place)
        block.raws, block.places, block.cut = kept.raws, kept.places, kept.cut

    def _is_plain(self, block: _Block, reading: _Reading, marks: tuple[bytes, ...]) -> bool:
        if self.control.header and not reading.header:
            return False
        return not any(raw.startswith(marks) for raw in block.raws)

    def _see_control(
        self,
        kind: Literal["header", "trailer"],
        raw: bytes,
        place: int,
        reading: _Reading,
        total: Reconciliation | None,
    ) -> None:
        record = self.control.header if kind == "header" else self.control.trailer
        assert record is not None  # noqa: S101  # Control.kind names only what is declared
        try:
            cells = self.layout.cells(raw.rstrip(b"\r\n"), record.names)
        except ValueError as error:
            raise FileRefusedError(f"its {kind} can't be read: {error}", place=place) from error
        if (kind == "header" and reading.header) or reading.closed:
            raise FileRefusedError(f"there is a second {kind}, or one after the trailer", place=place)
        if kind == "header":
            reading.header = cells or {"": ""}
        else:
            reading.closed = True
        if total is not None:
            total.found[kind] = cells


def _without_bom(line: bytes, place: int) -> bytes:
    return line.removeprefix(BOM) if place == 1 else line


def _moved(cut: Mapping[int, int], by: int) -> dict[int, int]:
    return {index + by: size for index, size in cut.items()}
