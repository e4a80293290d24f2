"""What can go wrong for the person at the terminal, and which exit code says so?

CommandError                 1  what was asked could not be done
├── BadInputError            2  an argument or a file is wrong (typer's own usage errors share the code)
├── NotRunningError          3  the instance, or the service that is needed, is not running or not healthy
├── PortTakenError           4  a port that is needed belongs to another process
├── StartError               5  a process did not start; what had been started was stopped again
├── CallError                6  a service answered with an error, or not in time
├── RecordsRejectedError     7  the work is done, but some records were refused; a report names them
└── FilesRefusedError        8  a file was refused whole; nothing more of it was sent

130 is an interrupted command (Ctrl-C).
"""

from typing import ClassVar


class CommandError(Exception):
    """A problem told to the user as one message and, where there is one, the next thing to try."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What to do next, in one sentence."""
        self.detail = detail
        """Lines shown under the message as they are: the end of a log, a table of violations."""


class BadInputError(CommandError):
    exit_code = 2


class NotRunningError(CommandError):
    exit_code = 3


class PortTakenError(CommandError):
    exit_code = 4


class StartError(CommandError):
    exit_code = 5


class CallError(CommandError):
    exit_code = 6


class RecordsRejectedError(CommandError):
    exit_code = 7


class FilesRefusedError(CommandError):
    exit_code = 8
