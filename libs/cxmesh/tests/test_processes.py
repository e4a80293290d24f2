"""Are processes started for good, told apart from later ones, and ended without touching others?"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cxmesh_cli.instance import processes
from cxmesh_cli.instance.processes import ProcessMark, exit_code, spawn, terminate

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


def started(command: list[str], log: Path) -> ProcessMark:
    mark = spawn(command, dict(os.environ), log)
    deadline = time.monotonic() + 10
    while "ready" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return mark


def test_a_process_lives_in_its_own_session_and_writes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "sleep.log"
    mark = started(SLEEP, log)
    assert os.getsid(mark.pid) == mark.pid
    assert log.stat().st_mode & 0o077 == 0
    assert terminate([mark], grace_seconds=5) == []
    assert not mark.alive


def test_a_log_is_appended_to_and_set_aside_when_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "sleep.log"
    log.write_text("earlier\n")
    terminate([started(SLEEP, log)], grace_seconds=5)
    assert log.read_text().splitlines()[0] == "earlier"
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 4)
    terminate([started(SLEEP, log)], grace_seconds=5)
    assert log.read_text() == "ready\n"
    assert (tmp_path / "sleep.log.1").read_text().startswith("earlier\n")


def test_a_process_that_ignores_sigterm_is_killed_and_reported(tmp_path: Path) -> None:
    mark = started(DEAF, tmp_path / "deaf.log")
    assert terminate([mark], grace_seconds=0.2) == [mark]
    assert not mark.alive


def test_another_process_with_the_same_pid_is_never_signalled(tmp_path: Path) -> None:
    mark = started(SLEEP, tmp_path / "sleep.log")
    earlier = replace(mark, started=mark.started - 3600)
    assert not earlier.alive
    terminate([earlier], grace_seconds=0.1)
    assert mark.alive
    terminate([mark], grace_seconds=5)


def test_an_ended_process_is_not_alive_and_its_exit_code_is_known(tmp_path: Path) -> None:
    mark = spawn([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ), tmp_path / "log")
    deadline = time.monotonic() + 10
    while mark.alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert exit_code(mark) == 3
    assert exit_code(mark) is None


def test_ctrl_c_works_in_a_process_started_while_it_is_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        mark = started(SLEEP, tmp_path / "sleep.log")
    finally:
        signal.signal(signal.SIGINT, before)
    os.kill(mark.pid, signal.SIGINT)
    psutil.wait_procs([psutil.Process(mark.pid)], timeout=5)
    assert not mark.alive
