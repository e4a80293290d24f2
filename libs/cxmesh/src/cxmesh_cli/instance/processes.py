"""How are processes started so that they outlive this command, and ended so that only ours are touched?"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

LOG_LIMIT_BYTES = 32 * 1024 * 1024
"""A larger log is moved aside (one generation) before the process starts."""

_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02
_SAME_START_SECONDS = 1.0
"""psutil derives start times from the boot time, which moves when the clock is set."""


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process that can be told from a later one with the same pid."""

    pid: int
    started: float
    """Unix time at which the system says that it started."""

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The live process; None when it ended, even if its pid lives on as another one."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _SAME_START_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    @property
    def alive(self) -> bool:
        return self.find() is not None


def python_module(module: str, *arguments: str) -> list[str]:
    """-P: a file in the current folder never shadows a module of the service."""
    return [sys.executable, "-P", "-m", module, *arguments]


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> ProcessMark:
    """Start a process in a session of its own, which Ctrl-C here does not reach; it appends to `log`."""
    _set_aside(log)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        tuple(command),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGPIPE],
    )
    return ProcessMark.of(pid)


def exit_code(mark: ProcessMark) -> int | None:
    """How a child of this command ended; None while it runs."""
    try:
        pid, status = os.waitpid(mark.pid, os.WNOHANG)
    except ChildProcessError:  # started by an earlier command, or reaped before
        return None
    return os.waitstatus_to_exitcode(status) if pid else None


def terminate(marks: Iterable[ProcessMark], grace_seconds: float) -> list[ProcessMark]:
    """SIGTERM to all, then wait; what is left after the grace is killed and returned."""
    waited_for = list(marks)
    for mark in waited_for:
        _signal(mark, signal.SIGTERM)
    deaf = _wait(waited_for, grace_seconds)
    for mark in deaf:
        _signal(mark, signal.SIGKILL)
    _wait(deaf, _KILL_SECONDS)
    return deaf


def _signal(mark: ProcessMark, number: signal.Signals) -> None:
    process = mark.find()
    try:
        if process is not None:
            process.send_signal(number)  # psutil checks once more that the pid is still this process
    except psutil.NoSuchProcess:
        return


def _wait(marks: list[ProcessMark], timeout_seconds: float) -> list[ProcessMark]:
    """Those that still live at the end. A zombie has ended, even where no init process collects it."""
    deadline = time.monotonic() + timeout_seconds
    while alive := [mark for mark in marks if mark.alive]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    for mark in marks:
        exit_code(mark)  # collects our own children
    return alive


def _set_aside(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
