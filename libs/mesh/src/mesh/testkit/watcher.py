"""Has the test run ended? Then its servers end too: `python -m mesh.testkit.watcher FOLDER`."""

import shutil
import sys
from pathlib import Path

from mesh.embedded import PostgresServer, RedisServer


def main(folder: Path) -> None:
    """Wait until standard input closes, as it does however the run ends; then clean up."""
    sys.stdin.buffer.read()
    if (folder / "postgresql").exists():
        PostgresServer(folder / "postgresql").remove()
    for redis in folder.glob("redis*"):
        RedisServer(redis).remove()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
