"""Is the server that this folder describes alive, how is it started for good, and how does it end?"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from mesh.embedded.errors import StartFailed, StopFailed
from mesh.embedded.unprivileged import Account

RECORD_FILE = "server.json"
_POLL_SECONDS = 0.02
# Creation times are counted in clock ticks (10 ms) and shift a little when the machine's clock is set.
_SAME_CREATION_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The running server of one folder, as written beside its data."""

    pid: int
    created: float
    """Creation time of the process (seconds since 1970): tells it from a later one with the same pid."""
    port: int

    def is_alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.created) < _SAME_CREATION_SECONDS
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one start or stop at a time, also between processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_record(folder: Path) -> ServerRecord | None:
    """The folder's running server; a record whose process is gone is removed and counts as none."""
    path = folder / RECORD_FILE
    try:
        record = ServerRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    if record.is_alive():
        return record
    path.unlink(missing_ok=True)
    return None


def write_record(folder: Path, pid: int, port: int) -> ServerRecord:
    """Write down the folder's server, in one step, so that no reader sees half of it."""
    record = ServerRecord(pid=pid, created=psutil.Process(pid).create_time(), port=port)
    path = folder / RECORD_FILE
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
    draft.replace(path)
    return record


def launch(
    command: Sequence[str | Path],
    *,
    log: Path,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Start a server that outlives this process, in a session of its own, its output added to `log`; its pid.

    A shell stands in between and ends at once: so the server belongs to init, a long-lived caller
    gathers no zombies, and a Ctrl-C in the caller's terminal does not reach it.
    """
    with log.open("ab") as output:
        shell = subprocess.run(  # noqa: S603 - the server's own program, no input of others
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env={**os.environ, **(environment or {})},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=True,
        )
    return int(shell.stdout)


def await_ready(server: str, pid: int, log: Path, is_ready: Callable[[], bool], timeout_seconds: float) -> None:
    """Wait until the launched server says that it is ready; StartFailed when it ends or takes too long."""
    deadline = time.monotonic() + timeout_seconds
    while not is_ready():
        if not _is_running(pid):
            raise StartFailed(server, "it ended at once", log)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise StartFailed(server, f"it was not ready after {timeout_seconds:g} s", log)
        time.sleep(_POLL_SECONDS)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(folder: Path, server: str, signals: Sequence[signal.Signals], timeout_seconds: float) -> bool:
    """End the folder's server with the first signal that works, `timeout_seconds` each; False if none ran."""
    record = read_record(folder)
    if record is None:
        return False
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, number)
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if not record.is_alive():
                (folder / RECORD_FILE).unlink(missing_ok=True)
                return True
            time.sleep(_POLL_SECONDS)
    raise StopFailed(
        f"{server} (process {record.pid}) did not end within {timeout_seconds:g} s of "
        f"{signals[-1].name}; look at its log in {folder}"
    )
