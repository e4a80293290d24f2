"""How are delimited rows taken apart: quoting, rows over several lines, wrong numbers of columns?"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, cast

from usage_adapters.errors import FileRefusedError
from usage_adapters.layout import Split, decoded, decoded_singly
from usage_adapters.reading import Reason

ROW_LINES: Final = 64
"""A quoted field may hold line ends; so many lines are looked at for the end of its row."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """A row is a line of cells with a delimiter between them."""

    names: tuple[str, ...] = ()
    reads_names: bool = False
    delimiter: str = ","
    quote: str = '"'
    """Empty: quotes mean nothing."""
    strict_quotes: bool = True
    """Whether text after a closing quote refuses the row, rather than being taken as part of the cell."""
    multiline: bool = False
    """Whether quoted cells may hold line ends."""
    trim: bool = False
    """Whether blanks around cells are dropped."""
    encoding: str = "utf-8"
    widths: frozenset[int] = frozenset()
    """Other numbers of columns that a row may have; columns that it lacks are empty, further ones are ignored."""

    def names_of(self, line: bytes) -> Sequence[str]:
        try:
            text = line.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise FileRefusedError(f"the line that names the columns is not {self.encoding.upper()}") from error
        try:
            return [name.strip() for name in next(self._reader([text]), [])]
        except csv.Error as error:
            raise FileRefusedError(f"the line that names the columns can't be read: {error}") from error

    def split(
        self, lines: Sequence[bytes], places: Sequence[int], names: Sequence[str], needed: Sequence[str]
    ) -> Split:
        split = Split()
        texts, raws = None if self.multiline else decoded(lines, self.encoding), lines
        if texts is None:
            texts, raws, places = decoded_singly(lines, places, self.encoding, split)
        try:
            # The empty line at the end is no row of its own when a quote is still open: then there are fewer rows.
            rows = list(self._reader([*texts, ""]))
        except csv.Error:
            rows = []
        if len(rows) == len(texts) + 1:
            rows.pop()
            self._take(split, rows, raws, places, names, needed)
        else:
            for text, raw, place in zip(texts, raws, places, strict=True):
                self._take_alone(split, text, raw, place, names, needed)
        return split

    def cells(self, line: bytes, names: Sequence[str]) -> dict[str, str]:
        try:
            row = next(self._reader([line.decode(self.encoding)]), [])
        except csv.Error as error:
            raise ValueError(str(error)) from error
        if len(row) < len(names):
            raise ValueError(f"it has {len(row)} columns of {len(names)}")
        return dict(zip(names, (cell.strip() for cell in row), strict=False))

    def group(self, lines: Sequence[bytes], *, final: bool) -> list[int] | None:
        """Of how many lines each row consists that begins in these; None: each of one.

        The last is 0 when its end is not among them and may still come (not `final`).
        """
        if not self.multiline or not self.quote or self.quote.encode() not in b"".join(lines):
            return None
        # Quotes and delimiters are ASCII and the text is not looked at, so any encoding of single bytes will do here.
        texts = [line.decode("latin-1") for line in lines]
        try:
            if len(list(self._reader([*texts, ""]))) == len(texts) + 1:
                return None
        except csv.Error:
            pass  # one of them is broken: which, the rows taken one by one will tell
        counts, at = [], 0
        while at < len(texts):
            count = self._lines_of_row(texts[at : at + ROW_LINES])
            if not count and not final and at + ROW_LINES > len(texts):
                counts.append(0)
                break
            # A quote that is not closed spoils its own line, not those that follow.
            counts.append(count or 1)
            at += count or 1
        return counts

    def _lines_of_row(self, texts: Sequence[str]) -> int:
        """0: the row doesn't end in them."""
        asked = 0

        def feed() -> Iterator[str]:
            nonlocal asked
            for text in texts:
                asked += 1
                yield text
            asked += 1

        try:
            next(self._reader(feed()), [])
        except csv.Error:
            return 1 if asked <= len(texts) else 0
        return asked if asked <= len(texts) else 0

    def _take(
        self,
        split: Split,
        rows: list[list[str]],
        raws: Sequence[bytes],
        places: Sequence[int],
        names: Sequence[str],
        needed: Sequence[str],
    ) -> None:
        """Rows in good order."""
        width = len(names)
        if set(map(len, rows)) - {width}:
            rows, raws, places = self._of_width(split, rows, raws, places, width)
        split.rows.extend(self._chosen(rows, names, needed))
        split.raws.extend(raws)
        split.places.extend(places)

    def _chosen(self, rows: list[list[str]], names: Sequence[str], needed: Sequence[str]) -> list[Sequence[str]]:
        chosen = _pick([names.index(name) for name in needed])
        picked = [chosen(row) for row in rows]
        return [[cell.strip() for cell in row] for row in picked] if self.trim else picked

    def _of_width(
        self, split: Split, rows: list[list[str]], raws: Sequence[bytes], places: Sequence[int], width: int
    ) -> tuple[list[list[str]], list[bytes], list[int]]:
        good: tuple[list[list[str]], list[bytes], list[int]] = ([], [], [])
        for row, raw, place in zip(rows, raws, places, strict=True):
            if len(row) == width or len(row) in self.widths:
                good[0].append((row + [""] * (width - len(row)))[:width])
                good[1].append(raw)
                good[2].append(place)
            elif row:  # an empty line is no row
                whose = "the header" if self.reads_names else "the layout"
                split.refuse(place, Reason.MALFORMED, f"the row has {len(row)} columns, {whose} {width}", raw)
        return good

    def _take_alone(
        self, split: Split, text: str, raw: bytes, place: int, names: Sequence[str], needed: Sequence[str]
    ) -> None:
        """A row among which there is a broken one."""
        try:
            rows = list(self._reader([text, ""]))
        except csv.Error as error:
            split.refuse(place, Reason.MALFORMED, f"the row's quoting is broken: {error}", raw)
            return
        if len(rows) == 1:
            split.refuse(place, Reason.MALFORMED, "the row's quoting is broken: a quote is not closed", raw)
        else:
            self._take(split, rows[:1], [raw], [place], names, needed)

    def _reader(self, lines: Sequence[str] | Iterator[str]) -> Iterator[list[str]]:
        # Any: the option's type differs with its value in typeshed
        quoting: Any = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return cast(
            "Iterator[list[str]]",
            csv.reader(
                lines,
                delimiter=self.delimiter,
                quotechar=self.quote or None,
                quoting=quoting,
                skipinitialspace=self.trim,
                strict=self.strict_quotes,
            ),
        )


def _pick(indexes: list[int]) -> Any:
    """Any: itemgetter gives a bare cell for one index, so that one needs its own function."""
    if len(indexes) == 1:
        only = indexes[0]
        return lambda row: (row[only],)
    return itemgetter(*indexes) if indexes else lambda _: ()
