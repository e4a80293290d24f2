"""How does a report become files for a spreadsheet?"""

from fractions import Fraction
from pathlib import Path

from cxmesh_cli.csv_rows import write_rows
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.sla.document import Cell, Report, decimals

_PLACES = 6


def write_csv(report: Report, folder: Path) -> list[Path]:
    """One file a table, UTF-8, with a header; also of tables without rows. The files written. Raises BadInputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder} can't be written: {error.strerror}") from error
    written = []
    for table in report.tables:
        path = folder / f"{table.name}.csv"
        columns = [column.replace(" ", "_") for column in table.columns]
        write_rows(path, columns, ([_plain(cell) for cell in row] for row in table.rows))
        written.append(path)
    return written


def _plain(cell: Cell) -> str | int:
    """Empty for nothing; fractions with six decimals."""
    if cell is None:
        return ""
    return decimals(cell, _PLACES) if isinstance(cell, Fraction) else cell
