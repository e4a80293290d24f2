"""How do rows get into a CSV file, which somebody may open in a spreadsheet?"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cxmesh_cli.errors import BadInputError

_FORMULAS: Final = ("=", "+", "@", "\t", "\r")


def write_rows(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """UTF-8, with a header; an apostrophe before what a spreadsheet takes for a formula. Raises BadInputError."""
    try:
        with file.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text)
            writer.writerow(columns)
            writer.writerows([_plain(cell) for cell in row] for row in rows)
    except OSError as error:
        raise BadInputError(f"{file} can't be written: {error.strerror}") from error


def _plain(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(_FORMULAS) else text
