"""How does one file get into the mesh, from its first row or from where the last run ended?"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cxmesh_cli.console import Json
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.ingest.position import FileFacts, Position, PositionFile, RejectReport
from cxmesh_cli.ingest.rows import Row, in_batches
from cxmesh_cli.ingest.sender import Sender
from cxmesh_cli.ingest.usage_csv import read_usage_csv

FORMATS: dict[str, Callable[[Path], Iterator[Row]]] = {"usage-csv": read_usage_csv}
_SAVE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Summary:
    file: Path
    position: Position
    rows_before: int
    """Done by earlier runs."""
    seconds: float
    report: Path

    @property
    def rows_per_second(self) -> float:
        return (self.position.rows - self.rows_before) / self.seconds if self.seconds else 0.0

    def as_json(self) -> Json:
        return {
            "file": str(self.file),
            "sha256": self.position.digest,
            "format": self.position.format,
            "rows": self.position.rows,
            "rows_done_before": self.rows_before,
            "accepted": self.position.accepted,
            "duplicates": self.position.duplicates,
            "rejected": self.position.rejected,
            "reject_report": str(self.report) if self.position.rejected else None,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second),
        }


class Ingest:
    """One file on its way in; `run` sends what is left of it."""

    def __init__(self, file: Path, kind: str, folder: Path, *, again: bool = False) -> None:
        """`folder` keeps positions and reports; `again` begins anew whatever earlier runs did."""
        if kind not in FORMATS:
            raise BadInputError(f"there is no format '{kind}'", hint=f"formats are {', '.join(FORMATS)}")
        try:
            self.facts = FileFacts.of(file)
        except OSError as error:
            raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
        self._file = file
        self._kind = kind
        self._positions = PositionFile(folder, self.facts.digest, kind)
        self.start = self._positions.fresh() if again else self._positions.load()
        self._report_path = folder / f"{self.facts.digest[:16]}.{kind}.rejects.csv"

    def run(self, sender: Sender, on_progress: Callable[[Position], None]) -> Summary:
        """Send the rest; the position is kept also when this ends with an error."""
        begun = time.monotonic()
        position = self.start
        if not position.finished:
            position = self._send(sender, on_progress)
        seconds = time.monotonic() - begun
        return Summary(self._file, position, self.start.rows, seconds, self._report_path)

    def _send(self, sender: Sender, on_progress: Callable[[Position], None]) -> Position:
        position = self.start
        report = RejectReport(self._report_path, position.report_bytes)
        saved = time.monotonic()
        try:
            rows = islice(FORMATS[self._kind](self._file), position.rows, None)
            for outcome in sender.send(in_batches(rows)):
                report.add(outcome.rejects)
                position = position.plus(outcome)
                on_progress(position)
                if time.monotonic() - saved > _SAVE_SECONDS:
                    self._save(position, report)
                    saved = time.monotonic()
            position = position.end()
        finally:
            self._save(position, report)
            report.close()
        return position

    def _save(self, position: Position, report: RejectReport) -> None:
        """The report first: a position must never count rejects that the report lost."""
        self._positions.save(position.with_report(report.flush()))
