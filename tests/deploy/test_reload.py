"""Does a service in a development container start again when its sources change, and end when it is told to?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

WAITS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(VERSION)); time.sleep(60)"


class Reloaded:
    """A script below a folder, run as the image's stage `dev` runs services."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.script = folder / "source/service.py"
        self.script.parent.mkdir()
        self.output = folder / "output"
        self.command = [
            sys.executable,
            str(root / "deploy/dev/reload.py"),
            str(self.script.parent),
            sys.executable,
            str(self.script),
            str(self.output),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, source: str) -> None:
        draft = self.script.with_suffix(".draft")
        draft.write_text(source)
        draft.replace(self.script)

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        return self.process

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 20
        while not (self.output.exists() and self.output.read_text() == text):
            assert time.monotonic() < deadline, f"the service never wrote {text!r}"
            time.sleep(0.02)


@pytest.fixture
def service(root: Path, tmp_path: Path) -> Iterator[Reloaded]:
    reloaded = Reloaded(root, tmp_path)
    yield reloaded
    if reloaded.process:
        reloaded.process.terminate()
        reloaded.process.communicate(timeout=20)


def test_a_change_starts_the_service_again(service: Reloaded) -> None:
    service.write(WAITS.replace("VERSION", "1"))
    service.start()
    service.wait_for("1")
    service.write(WAITS.replace("VERSION", "22"))
    service.wait_for("22")


def test_a_change_that_breaks_the_service_waits_for_the_next(service: Reloaded) -> None:
    service.write(WAITS.replace("VERSION", "1"))
    process = service.start()
    service.wait_for("1")
    service.write("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('broken'); raise SystemExit(3)")
    service.wait_for("broken")
    service.write(WAITS.replace("VERSION", "333"))
    service.wait_for("333")
    assert process.poll() is None


@pytest.mark.parametrize("status", [0, 4])
def test_a_service_that_ends_by_itself_gives_its_status(service: Reloaded, status: int) -> None:
    service.write(f"raise SystemExit({status})")
    assert service.start().wait(20) == status


def test_the_service_ends_with_it(service: Reloaded) -> None:
    service.write(
        "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    )
    process = service.start()
    while not (service.output.exists() and service.output.read_text()):
        time.sleep(0.02)
    pid = int(service.output.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
