"""How are rows of fixed width taken apart?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from usage_adapters.errors import FileRefusedError
from usage_adapters.layout import Split, decoded, decoded_singly
from usage_adapters.reading import Reason


@dataclass(frozen=True, slots=True)
class Span:
    """Where a column stands."""

    start: int
    """First character, from 0."""
    end: int
    """Character after the last."""


@dataclass(frozen=True, slots=True)
class FixedWidth:
    """A row is a line; a column is a span of its characters, without the blanks around it."""

    spans: dict[str, Span]
    other_spans: dict[str, Span] = field(default_factory=dict)
    """Of header and trailer records."""
    encoding: str = "utf-8"
    pad_short_rows: bool = False
    """Whether rows whose trailing blanks were cut off are read all the same."""
    reads_names: bool = False

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.spans)

    @property
    def width(self) -> int:
        return max(span.end for span in self.spans.values())

    def names_of(self, line: bytes) -> Sequence[str]:
        raise FileRefusedError(f"a row of fixed width names no columns: {line[:40]!r}")

    def group(self, lines: Sequence[bytes], *, final: bool) -> list[int] | None:
        del lines, final
        return None

    def split(
        self, lines: Sequence[bytes], places: Sequence[int], names: Sequence[str], needed: Sequence[str]
    ) -> Split:
        del names
        split = Split()
        texts, raws = decoded(lines, self.encoding), lines
        if texts is None:
            texts, raws, places = decoded_singly(lines, places, self.encoding, split)
        texts = [text.removesuffix("\r") for text in texts]
        spans = [slice(self.spans[name].start, self.spans[name].end) for name in needed]
        for text, raw, place in zip(texts, raws, places, strict=True):
            if len(text) >= self.width or (self.pad_short_rows and text.strip()):
                split.rows.append([text[span].strip() for span in spans])
                split.raws.append(raw)
                split.places.append(place)
            elif text.strip():
                expected = f"the row has {len(text)} characters, the layout {self.width}"
                split.refuse(place, Reason.MALFORMED, expected, raw)
        return split

    def cells(self, line: bytes, names: Sequence[str]) -> dict[str, str]:
        text = line.decode(self.encoding).rstrip("\r\n")
        spans = {name: self.other_spans[name] for name in names}
        width = max((span.end for span in spans.values()), default=0)
        if len(text) < width:
            raise ValueError(f"it has {len(text)} characters of {width}")
        return {name: text[span.start : span.end].strip() for name, span in spans.items()}
