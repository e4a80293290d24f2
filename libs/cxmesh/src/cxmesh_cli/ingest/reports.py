"""Where is written what was refused: a report for people and scripts, and a quarantine that keeps the raw rows?"""

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Literal

from usage_adapters.quarantine import entry_of
from usage_adapters.reading import Adapter, Options, Reject

ReportFormat = Literal["csv", "jsonl"]
_FIELDS = ("source", "record_id", "reason", "field", "value", "description")


class Appended:
    """A file that is made with its first line; what stands beyond `keep_bytes` will come again and is cut off."""

    def __init__(self, path: Path, keep_bytes: int) -> None:
        self.path = path
        self._file: IO[str] | None = None
        if keep_bytes:
            self._file = self._open()
            self._file.truncate(keep_bytes)
        else:
            path.unlink(missing_ok=True)

    def _open(self) -> IO[str]:
        """Only the owner may read it: raw rows and destinations are personal."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", newline="")

    @property
    def file(self) -> IO[str]:
        if self._file is None:
            self._file = self._open()
        return self._file

    @property
    def is_empty(self) -> bool:
        return self._file is None

    def flush(self) -> int:
        """Bytes written so far, which are on the disk now."""
        if self._file is None:
            return 0
        self._file.flush()
        os.fsync(self._file.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class RejectReport:
    """Place, identity, reason, field, value and description of each refused row."""

    def __init__(self, path: Path, keep_bytes: int, kind: ReportFormat, place_name: str) -> None:
        self._lines = Appended(path, keep_bytes)
        self._kind = kind
        self._place_name = place_name
        self.path = path

    def add(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            values = {self._place_name: reject.place, **{name: str(getattr(reject, name)) for name in _FIELDS}}
            if self._kind == "jsonl":
                self._lines.file.write(json.dumps(values, ensure_ascii=False) + "\n")
                continue
            first = self._lines.is_empty
            writer = csv.DictWriter(self._lines.file, values)
            if first:
                writer.writeheader()
            writer.writerow(values)

    def flush(self) -> int:
        return self._lines.flush()

    def close(self) -> None:
        self._lines.close()


class QuarantineFile:
    """An entry for each refused row, to be repaired and replayed (see usage_adapters.quarantine)."""

    def __init__(self, path: Path, keep_bytes: int, adapter: Adapter, options: Options, origin: str) -> None:
        self._lines = Appended(path, keep_bytes)
        self._adapter = adapter
        self._options = options
        self._origin = origin
        self.path = path

    def add(self, rejects: Iterable[Reject], context: str) -> None:
        for reject in rejects:
            self._lines.file.write(entry_of(reject, self._adapter, context, self._origin, self._options) + "\n")

    def flush(self) -> int:
        return self._lines.flush()

    def close(self) -> None:
        self._lines.close()
