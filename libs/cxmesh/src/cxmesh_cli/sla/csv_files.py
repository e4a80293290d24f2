"""How does a report become files for a spreadsheet?"""

import csv
from fractions import Fraction
from pathlib import Path

from cxmesh_cli.errors import BadInputError
from cxmesh_cli.sla.document import Cell, Report, decimals

_PLACES = 6


def write_csv(report: Report, folder: Path) -> list[Path]:
    """One file a table, UTF-8, with a header; also of tables without rows. The files written."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table in report.tables:
            path = folder / f"{table.name}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([column.replace(" ", "_") for column in table.columns])
                writer.writerows([_plain(cell) for cell in row] for row in table.rows)
            written.append(path)
    except OSError as error:
        raise BadInputError(f"{folder} can't be written: {error}") from error
    return written


def _plain(cell: Cell) -> str:
    """Empty for nothing; fractions with six decimals; an apostrophe before what a spreadsheet takes for a formula."""
    if cell is None:
        return ""
    if isinstance(cell, Fraction):
        return decimals(cell, _PLACES)
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text[:1] in ("=", "+", "@", "\t", "\r") else text
