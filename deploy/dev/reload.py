# ruff: noqa: INP001 - a script, not a package
"""How does a service in a development container take up changed sources? By starting again.

    python reload.py FOLDER COMMAND...

The image's stage `dev` starts services this way. Standard library alone. FOLDER is polled: writes that come
in from outside raise no events in some of the systems that run containers.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 30.0

Snapshot = dict[str, int]
"""Path of each Python file to the time of its last change."""


def main(folder: Path, command: list[str]) -> int:
    """Run the command until it ends by itself or this process is told to end; its exit status."""
    signal.signal(signal.SIGTERM, _end)
    process = subprocess.Popen(command)  # noqa: S603 - the command of the image
    seen = take(folder)
    reloaded = False
    try:
        while True:
            time.sleep(_POLL_SECONDS)
            ended = process.poll() is not None
            if ended and not (reloaded and process.returncode):
                return process.returncode
            now = take(folder)
            if now == seen:
                # What a reload broke waits for the next change: if the container ended, all would be lost.
                continue
            for path in sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path)):
                sys.stderr.write(f"changed: {path}\n")
            stop(process)
            seen, reloaded = now, True
            process = subprocess.Popen(command)  # noqa: S603 - the command of the image
    finally:
        stop(process)


def take(folder: Path) -> Snapshot:
    """When each Python file below the folder changed last."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.py") if path.is_file()}


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process, gently at first."""
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
