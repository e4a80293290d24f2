"""Which file, in which format, with which options: everything that the command line says about what is taken in?"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxmesh_cli.errors import BadInputError
from usage_adapters.content import open_content
from usage_adapters.errors import AdapterError, FileRefusedError
from usage_adapters.mapping.tables import load_table
from usage_adapters.reading import Adapter, Options
from usage_adapters.registry import HEAD_BYTES, detect, find

AUTO = "auto"
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Given:
    """What was given beside the files."""

    kind: str = AUTO
    mapping: Path | None = None
    source: str = ""
    time_zone: str = ""
    country_code: str = ""
    subscriptions: Path | None = None

    def options(self) -> Options:
        """Raises BadInputError for a file that can't be read."""
        try:
            table = load_table(self.subscriptions, "key", "subscription") if self.subscriptions else None
            return Options(
                source=self.source,
                time_zone=self.time_zone,
                country_code=self.country_code,
                subscriptions=table.entries if table else None,
                mapping=self.mapping.read_text("utf-8") if self.mapping else "",
                mapping_folder=str(self.mapping.parent) if self.mapping else "",
            )
        except AdapterError as error:
            raise BadInputError(str(error)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(f"{self.mapping} cannot be read: {error}") from error

    def adapter_for(self, file: Path, options: Options) -> Adapter:
        """Of the format that is named, or of that of the mapping, or of the one that the file is in.

        Raises BadInputError for options that can't be used, FileRefusedError for a file in no known format.
        """
        try:
            if self.kind != AUTO:
                return find(self.kind).make(options)
            if self.mapping is not None and not _is_quarantine(file):
                return find("mapping").make(options)
            return detect(_head(file)).make(options)
        except FileRefusedError:
            raise
        except AdapterError as error:
            where = f"{self.mapping}: " if self.mapping and "line " in str(error) else ""
            raise BadInputError(f"{where}{error}", hint=_hint(error)) from error


def check_readable(files: Sequence[Path]) -> None:
    """Raises BadInputError for the first that can't be read, before any of them is taken in."""
    for file in files:
        if file == STDIN:
            continue
        try:
            file.open("rb").close()
        except OSError as error:
            raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    if len(set(files)) < len(files):
        raise BadInputError("a file was given twice")


@contextmanager
def as_files(files: Sequence[Path], folder: Path) -> Iterator[list[Path]]:
    """The files, with stdin (`-`) written to one first: so its totals can be checked, and it can be resumed."""
    if STDIN not in files:
        yield list(files)
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix="stdin-", suffix=".spool") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield [Path(spool.name) if file == STDIN else file for file in files]


def _head(file: Path) -> bytes:
    with open_content(file) as content:
        return content.read(HEAD_BYTES)


def _is_quarantine(file: Path) -> bool:
    return find("quarantine").sniff(_head(file)) > 0


def _hint(error: AdapterError) -> str:
    option = str(getattr(error, "option", ""))
    return f"--{option.replace('_', '-')}" if option in {"source", "time_zone"} else ""
