"""How far did an ingest of this very content get, so that the next run goes on there?

A position says which content it stands for: a digest of all the bytes that are done with. A file that was changed in
them has another digest and begins anew, whatever its name and size; one that grew goes on at its former end.
"""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from cxmesh_cli.errors import CommandError
from cxmesh_cli.ingest.rows import Counts
from cxmesh_cli.instance.home import write_atomically
from usage_adapters.content import BLOCK_BYTES
from usage_adapters.reading import Adapter, Mark

_HEAD_BYTES = 512
_NAME_DIGITS = 16


@dataclass(slots=True)
class Position:
    """What became of the rows up to a mark. Written after their answers came, so it never runs ahead of them."""

    name: str
    """Of its files, without suffix."""
    format: str
    fingerprint: str
    mark: Mark = field(default_factory=Mark)
    counts: Counts = field(default_factory=Counts)
    digest: str = ""
    """SHA-256 of the first `digest_bytes` bytes of the content."""
    digest_bytes: int = 0
    finished: bool = False
    open_end: bool = False
    """Whether the last row read had no line end, so that what is appended may change it."""
    report_bytes: int = 0
    """Lengths of the reject report and the quarantine that belong to these rows."""
    quarantine_bytes: int = 0


class ContentDigest:
    """SHA-256 of the beginning of a file's content; reads it a second time, behind the adapter."""

    def __init__(self, open_content: Callable[[], BinaryIO]) -> None:
        self._content = open_content()
        self._hash = hashlib.sha256()
        self.bytes = 0
        self._last = b""

    def advance(self, to: int) -> str | None:
        """The digest of the first `to` bytes, which are no fewer than before; None when there are not so many."""
        while self.bytes < to:
            block = self._content.read(min(to - self.bytes, BLOCK_BYTES))
            if not block:
                return None
            self._hash.update(block)
            self.bytes += len(block)
            self._last = block[-1:]
        return self._hash.hexdigest()

    @property
    def ends_a_line(self) -> bool:
        return self._last in (b"\n", b"")

    def has_more(self) -> bool:
        """Whether content follows. Ask last: it reads on."""
        return bool(self._content.read(1))

    def close(self) -> None:
        self._content.close()


class Positions:
    """The positions of one home: for each beginning of a file and each format one or more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, open_content: Callable[[], BinaryIO], adapter: Adapter, *, again: bool) -> Position:
        """The one that goes furthest into this content; one at the start when there is none, or `again` is asked."""
        stem = f"{_head(open_content)}.{adapter.name}"
        known = sorted(self._known(stem, adapter), key=lambda one: (one.digest_bytes, one.finished))
        fits = None if again else _furthest(known, open_content, adapter)
        return fits or Position(self._free_name(stem, again=again), adapter.name, adapter.fingerprint)

    def _known(self, stem: str, adapter: Adapter) -> Iterator[Position]:
        for path in sorted(self.folder.glob(f"{stem}*.json")):
            position = _load(path)
            if (position.format, position.fingerprint) == (adapter.name, adapter.fingerprint):
                yield position

    def _free_name(self, stem: str, *, again: bool) -> str:
        """A name that no other content's position has; asked to begin again, the first."""
        number, name = 1, stem
        while not again and (self.folder / f"{name}.json").exists():
            number += 1
            name = f"{stem}.{number}"
        return name

    def save(self, position: Position) -> None:
        write_atomically(self.folder / f"{position.name}.json", json.dumps(asdict(position)) + "\n")

    @contextmanager
    def alone(self, position: Position) -> Iterator[None]:
        """Hold the position against other runs of the same file."""
        with (self.folder / f"{position.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError("another command is taking this file in", hint="wait until it has ended") from error
            yield


def _head(open_content: Callable[[], BinaryIO]) -> str:
    with open_content() as content:
        return hashlib.sha256(content.read(_HEAD_BYTES)).hexdigest()[:_NAME_DIGITS]


def _furthest(known: list[Position], open_content: Callable[[], BinaryIO], adapter: Adapter) -> Position | None:
    """`known` by how far they go: one pass over the content checks them all."""
    digest = ContentDigest(open_content)
    fits = None
    try:
        for position in known:
            if digest.advance(position.digest_bytes) == position.digest:
                fits = position
        # A longer position that didn't fit may have been passed on the way: then there is more content, too.
        if fits is None or not (digest.bytes > fits.digest_bytes or digest.has_more()):
            return fits
        ended_within_a_row = fits.open_end and adapter.place_name == "line"
        if ended_within_a_row or (fits.finished and not adapter.grows):
            return None
        fits.finished = False
    finally:
        digest.close()
    return fits


def _load(path: Path) -> Position:
    try:
        values = json.loads(path.read_text("utf-8"))
        values["mark"] = Mark(**values["mark"])
        values["counts"] = Counts(**values["counts"])
        return Position(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(
            f"{path} cannot be read: {error}", hint="delete it to begin the file anew; nothing is counted twice"
        ) from error
