"""How does one file get into the mesh, from its first row or from where the last run ended?"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cxmesh_cli.console import Json
from cxmesh_cli.ingest.position import ContentDigest, Position, Positions
from cxmesh_cli.ingest.reports import QuarantineFile, RejectReport, ReportFormat
from cxmesh_cli.ingest.sender import Sender
from usage_adapters.content import check_compressed, is_compressed, open_content, skip_to
from usage_adapters.reading import Adapter, Chunk, Options, Totals

_SAVE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of one file."""

    file: str
    position: Position
    rows_before: int
    """Done by earlier runs."""
    seconds: float
    report: Path
    quarantine: Path
    totals: Totals = field(default_factory=dict)
    """Control totals that the file was reconciled with."""

    @property
    def rows_per_second(self) -> float:
        return (self.position.counts.rows - self.rows_before) / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Json]:
        counts = self.position.counts
        return {
            "file": self.file,
            "sha256": self.position.digest,
            "content_bytes": self.position.digest_bytes,
            "format": self.position.format,
            "rows": counts.rows,
            "rows_done_before": self.rows_before,
            "accepted": counts.accepted,
            "duplicates": counts.duplicates,
            "rejected": counts.rejected,
            "skipped": counts.skipped,
            "reasons": counts.reasons,
            "control_totals": dict(self.totals),
            "reject_report": str(self.report) if counts.rejected else None,
            "quarantine": str(self.quarantine) if counts.rejected else None,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second),
        }


class Ingest:
    """One file on its way in; `run` sends what is left of it."""

    def __init__(
        self,
        file: Path,
        adapter: Adapter,
        folder: Path,
        *,
        options: Options | None = None,
        shown_as: str = "",
        again: bool = False,
        report_format: ReportFormat = "csv",
    ) -> None:
        """`folder` keeps positions and reports; `again` begins anew whatever earlier runs did."""
        self.adapter = adapter
        self.shown_as = shown_as or str(file)
        self.bytes = None if is_compressed(file) else file.stat().st_size
        """Of its content; None when that is known only at its end."""
        self._file = file
        self._options = options or Options()
        self._positions = Positions(folder)
        self._report_format = report_format
        self.position = self._positions.find(self._open, adapter, again=again)
        self.rows_before = self.position.counts.rows

    def run(self, sender: Sender, on_progress: Callable[[Position], None]) -> Summary:
        """Send the rest; the position is kept also when this ends with an error.

        Raises FileRefusedError, before anything is sent wherever possible; CommandError when the service is away.
        """
        begun = time.monotonic()
        totals: Totals = {}
        if not self.position.finished:
            with self._positions.alone(self.position):
                totals = self._verify()
                self._send(sender, on_progress)
        seconds = time.monotonic() - begun
        return Summary(self.shown_as, self.position, self.rows_before, seconds, self._report, self._quarantine, totals)

    @property
    def _report(self) -> Path:
        return self._positions.folder / f"{self.position.name}.rejects.{self._report_format}"

    @property
    def _quarantine(self) -> Path:
        return self._positions.folder / f"{self.position.name}.quarantine.jsonl"

    def _open(self) -> BinaryIO:
        return open_content(self._file)

    def _verify(self) -> Totals:
        if not self.adapter.has_totals:
            check_compressed(self._file)
            return {}
        with self._open() as content:
            return self.adapter.verify(content)

    def _send(self, sender: Sender, on_progress: Callable[[Position], None]) -> None:
        position = self.position
        report = RejectReport(self._report, position.report_bytes, self._report_format, self.adapter.place_name)
        quarantine = QuarantineFile(
            self._quarantine, position.quarantine_bytes, self.adapter, self._options, self.shown_as
        )
        digest, content, saved = ContentDigest(self._open), self._open(), time.monotonic()
        try:
            for outcome in sender.send(self._chunks(content)):
                report.add(outcome.rejects)
                quarantine.add(outcome.rejects, outcome.context)
                position.counts.add(outcome)
                position.mark = outcome.end
                on_progress(position)
                if time.monotonic() - saved > _SAVE_SECONDS:
                    self._save(digest, report, quarantine, position.mark.offset)
                    saved = time.monotonic()
            # What was appended since the adapter saw the end is not in the digest, so that it isn't passed over.
            self._finish(digest, report, quarantine, content.tell())
        finally:
            if not position.finished:
                self._save(digest, report, quarantine, position.mark.offset)
            for opened in (report, quarantine, digest, content):
                opened.close()

    def _chunks(self, content: BinaryIO) -> Iterator[Chunk]:
        skip_to(content, self.position.mark.offset)
        return self.adapter.read(content, self.position.mark)

    def _finish(self, digest: ContentDigest, report: RejectReport, quarantine: QuarantineFile, size: int) -> None:
        self.position.finished = True
        self._save(digest, report, quarantine, size)

    def _save(self, digest: ContentDigest, report: RejectReport, quarantine: QuarantineFile, size: int) -> None:
        """Reports first: a position must never count rejects that they lost."""
        position = self.position
        position.report_bytes, position.quarantine_bytes = report.flush(), quarantine.flush()
        position.digest, position.digest_bytes = digest.advance(size) or "", digest.bytes
        position.open_end = not digest.ends_a_line
        self._positions.save(position)
