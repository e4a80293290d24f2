"""What can go wrong with the servers that a laptop runs for itself?

EmbeddedError
├── BinaryMissing        the server's program is not installed
├── PortTaken            something else listens on the port
├── FolderUnreachable    the folder can't hold this server's files
├── StartFailed          the server ended, or never became ready; carries the end of its log
└── StopFailed           the server ignored every request to end
"""

from pathlib import Path


class EmbeddedError(Exception):
    """An embedded server can't do what was asked; the message says what to do about it."""


class BinaryMissing(EmbeddedError):  # noqa: N818 - says what happened
    """The server's program is not installed."""


class PortTaken(EmbeddedError):  # noqa: N818 - says what happened
    """Something else listens on the port that a server was told to use."""

    def __init__(self, server: str, port: int, holder: str | None) -> None:
        """`holder` names the process that has the port, where this user may see it."""
        self.server = server
        self.port = port
        self.holder = holder
        by = f" by {holder}" if holder else " by another process"
        super().__init__(
            f"{server} can't listen on 127.0.0.1:{port}: the port is taken{by}. "
            f"End that process, or give {server} another port (0 picks a free one)."
        )


class FolderUnreachable(EmbeddedError):  # noqa: N818 - says what happened
    """The folder can't hold this server's files."""


class StartFailed(EmbeddedError):  # noqa: N818 - says what happened
    """The server ended while starting, or did not become ready in time."""

    def __init__(self, server: str, reason: str, log: Path) -> None:
        """The message ends with the last lines of `log`, where the server says why."""
        self.server = server
        self.log = log
        super().__init__(f"{server} did not start: {reason}. The end of {log}:\n{_tail(log)}")


class StopFailed(EmbeddedError):  # noqa: N818 - says what happened
    """The server ignored every request to end."""


def _tail(log: Path, lines: int = 12) -> str:
    if not log.exists():
        return "  (there is no log)"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in text) or "  (the log is empty)"
