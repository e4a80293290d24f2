"""Where does everything of one instance lie?"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cxmesh_cli.errors import CommandError

LOCK_WAIT_SECONDS = 120.0
"""Longer than a cold `up` takes, so that a second one waits for the first rather than failing."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one instance. Nothing of an instance lies outside it."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> Self:
        return cls(Path(os.path.abspath(path.expanduser())))  # noqa: PTH100 - resolve() would follow links

    @property
    def record_file(self) -> Path:
        return self.root / "instance.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def postgresql(self) -> Path:
        return self.data / "postgresql"

    @property
    def redis(self) -> Path:
        return self.data / "redis"

    @property
    def migrated_file(self) -> Path:
        """Which version of each service brought its schema up to date; lies with the data that it speaks of."""
        return self.data / "migrated.json"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def ingest(self) -> Path:
        """Positions and reject reports of `cxmesh ingest`."""
        return self.root / "ingest"

    def log_of(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    @property
    def is_ours(self) -> bool:
        """Whether an instance was ever made here."""
        return self.lock_file.exists()

    def own_items(self) -> list[Path]:
        """What the command made here; files of others in the same folder are not listed."""
        made = (*self._folders, self.record_file, self.lock_file)
        return [item for item in made if item.exists()] if self.is_ours else []

    def erase(self) -> None:
        """Remove what the command made here; nothing of it may be running."""
        for item in self.own_items():
            shutil.rmtree(item) if item.is_dir() else item.unlink()

    def create(self) -> None:
        """Make the folders; refuse a place where some are somebody else's, since `erase` would remove them."""
        foreign = [item.name for item in (*self._folders, self.record_file) if item.exists()]
        if foreign and not self.is_ours:
            raise CommandError(
                f"{self.root} has {', '.join(foreign)} already, and cxmesh did not make it",
                hint="choose another folder with --home",
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.lock_file.touch()  # first, so that another command that starts now knows the rest for ours
            for folder in self._folders:
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"the folder {error.filename} cannot be made: {error.strerror}",
                hint="choose another one with --home, or set CXMESH_HOME",
            ) from error

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.data, self.certificates, self.logs, self.mail, self.ingest)

    @contextmanager
    def locked(
        self, purpose: str, on_wait: Callable[[str], None], wait_seconds: float = LOCK_WAIT_SECONDS
    ) -> Iterator[None]:
        """Only one command at a time starts or stops things here; another one waits and says for whom."""
        self.create()
        with self.lock_file.open("a+", encoding="utf-8") as file:
            self._acquire(file.fileno(), on_wait, time.monotonic() + wait_seconds)
            file.seek(0)
            file.truncate()
            json.dump({"pid": os.getpid(), "purpose": purpose}, file)
            file.flush()
            yield  # closing the file releases the lock, even when this process dies

    def _acquire(self, descriptor: int, on_wait: Callable[[str], None], deadline: float) -> None:
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self._holder()
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"{holder} is still working on {self.root}",
                        hint="wait for it to finish, or use another folder with --home",
                    ) from None
                if not told:
                    on_wait(f"waiting for {holder} to finish with {self.root}")
                    told = True
                time.sleep(0.1)
            else:
                return

    def _holder(self) -> str:
        try:
            holder = json.loads(self.lock_file.read_text("utf-8"))
        except (OSError, ValueError):  # its owner is just writing it
            return "another cxmesh command"
        return f"`cxmesh {holder['purpose']}` (pid {holder['pid']})"


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old text or the new text, never a half of either."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
