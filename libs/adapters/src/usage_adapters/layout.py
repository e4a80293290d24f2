"""What does a layout promise: how lines become cells, and which lines are no rows?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from usage_adapters.reading import RECORD_BYTES, Reason, Reject
from usage_adapters.table import row_reject


@dataclass(slots=True)
class Split:
    """Lines taken apart."""

    rows: list[Sequence[str]] = field(default_factory=list)
    """Cells of the needed columns, in their order."""
    raws: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, place: int, reason: Reason, expected: str, raw: bytes) -> None:
        self.rejects.append(row_reject(place, reason, expected, raw))

    def columns(self, names: Sequence[str]) -> dict[str, Sequence[str]]:
        if not self.rows:
            return dict.fromkeys(names, ())
        return dict(zip(names, zip(*self.rows, strict=True), strict=True))


class Layout(Protocol):
    """How one kind of file puts cells into lines."""

    @property
    def reads_names(self) -> bool:
        """Whether the file's first line names its columns."""

    @property
    def names(self) -> Sequence[str]:
        """Columns that the layout itself knows; empty when the file names them."""

    def names_of(self, line: bytes) -> Sequence[str]:
        """The columns that a file's first line names. Raises FileRefusedError."""

    def group(self, lines: Sequence[bytes], *, final: bool) -> list[int] | None:
        """Of how many lines each row consists; see Delimited.group. None: each of one."""

    def split(
        self, lines: Sequence[bytes], places: Sequence[int], names: Sequence[str], needed: Sequence[str]
    ) -> Split:
        """Each of `lines` is a row of the columns `names`, of which `needed` are wanted."""

    def cells(self, line: bytes, names: Sequence[str]) -> dict[str, str]:
        """A header or trailer record by the names of its columns. Raises ValueError with what is wrong."""


def too_long(place: int, head: bytes, cut: int) -> Reject:
    expected = f"at most {RECORD_BYTES:,} bytes: the row has {len(head) + cut:,}"
    return row_reject(place, Reason.TOO_LONG, expected, head, cut=cut)


def decoded(lines: Sequence[bytes], encoding: str) -> list[str] | None:
    """Lines as text without line feeds; None when one of them is not in the encoding."""
    try:
        text = b"".join(lines).decode(encoding)
    except UnicodeDecodeError:
        return None
    pieces = text.split("\n")
    return pieces if len(pieces) == len(lines) else pieces[: len(lines)]


def decoded_singly(
    lines: Sequence[bytes], places: Sequence[int], encoding: str, split: Split
) -> tuple[list[str], list[bytes], list[int]]:
    """The lines that are in the encoding; the others are refused."""
    texts, raws, kept_places = [], [], []
    for line, place in zip(lines, places, strict=True):
        try:
            texts.append(line.decode(encoding).removesuffix("\n"))
        except UnicodeDecodeError:
            split.refuse(place, Reason.ENCODING, f"the row is not {encoding.upper()}", line)
        else:
            raws.append(line)
            kept_places.append(place)
    return texts, raws, kept_places
