"""How far did an ingest of this very file get, so that the next run goes on there?"""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from cxmesh_cli.errors import CommandError
from cxmesh_cli.ingest.rows import Outcome, Reject
from cxmesh_cli.instance.home import write_atomically

_DIGEST_BLOCK_BYTES = 1024 * 1024
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What identifies a file whatever its name, and how long it is."""

    digest: str
    """SHA-256 of its content."""
    lines: int

    @classmethod
    def of(cls, file: Path) -> Self:
        digest, lines = hashlib.sha256(), 0
        with file.open("rb") as content:
            while block := content.read(_DIGEST_BLOCK_BYTES):
                digest.update(block)
                lines += block.count(b"\n")
        return cls(digest.hexdigest(), lines)


@dataclass(frozen=True, slots=True)
class Position:
    """What became of the first `rows` rows. Written after their answers came, so it never runs ahead of them."""

    digest: str
    format: str
    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    """Records that the mesh had before, with the same content."""
    rejected: int = 0
    report_bytes: int = 0
    """Length of the reject report that belongs to these rows."""
    finished: bool = False

    def plus(self, outcome: Outcome) -> Self:
        return replace(
            self,
            rows=self.rows + outcome.rows,
            accepted=self.accepted + outcome.accepted,
            duplicates=self.duplicates + outcome.duplicates,
            rejected=self.rejected + len(outcome.rejects),
        )

    def with_report(self, report_bytes: int) -> Self:
        return replace(self, report_bytes=report_bytes)

    def end(self) -> Self:
        return replace(self, finished=True)


class PositionFile:
    """The positions of one home, one file for each content and format."""

    def __init__(self, folder: Path, digest: str, kind: str) -> None:
        self._path = folder / f"{digest[:_NAME_DIGITS]}.{kind}.json"
        self._fresh = Position(digest, kind)

    def load(self) -> Position:
        """Where the last run ended; the start when there was none."""
        try:
            position = Position(**json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return self._fresh
        except (ValueError, TypeError) as error:
            raise CommandError(
                f"{self._path} cannot be read: {error}",
                hint="delete it to begin the file anew; nothing is counted twice",
            ) from error
        return position if position.digest == self._fresh.digest else self._fresh

    def fresh(self) -> Position:
        return self._fresh

    def save(self, position: Position) -> None:
        write_atomically(self._path, json.dumps(asdict(position)) + "\n")


class RejectReport:
    """A CSV of what was refused; rows after the position that is resumed are cut off, since they will come again."""

    def __init__(self, path: Path, keep_bytes: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8", newline="")
        self._file.truncate(keep_bytes)
        self._writer = csv.writer(self._file)
        if keep_bytes == 0:
            self._writer.writerow(("line", "source", "record_id", "reason", "field", "description"))

    def add(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self._writer.writerow(
                (reject.line, reject.source, reject.record_id, reject.reason, reject.field, reject.description)
            )

    def flush(self) -> int:
        """Bytes written so far."""
        self._file.flush()
        return self.path.stat().st_size

    def close(self) -> None:
        self._file.close()
