"""Which lines of which logs are wanted, and what has been added since the last look?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cxmesh_cli.errors import BadInputError
from cxmesh_cli.instance.home import Home
from cxmesh_cli.loglines import LEVELS, LogLine, parse, tail
from cxmesh_cli.topology import find_service

SMTP_LOG = "smtp"


@dataclass(frozen=True, slots=True)
class Filter:
    pattern: re.Pattern[str] | None
    levels: frozenset[str]
    """Empty: all, those without a level as well."""

    @classmethod
    def of(cls, pattern: str, least_level: str) -> Self:
        if least_level and least_level.lower() not in LEVELS:
            raise BadInputError(f"there is no level '{least_level}'", hint=f"levels are {', '.join(LEVELS)}")
        levels = LEVELS[LEVELS.index(least_level.lower()) :] if least_level else ()
        try:
            compiled = re.compile(pattern, re.IGNORECASE) if pattern else None
        except re.error as error:
            raise BadInputError(f"'{pattern}' is not a regular expression: {error}") from error
        return cls(compiled, frozenset(levels))

    def passes(self, line: LogLine) -> bool:
        if self.levels and line.level not in self.levels:
            return False
        return self.pattern is None or self.pattern.search(line.raw) is not None


class Follower:
    """Reads one log: first its end, then what is added. A log that is replaced or cut is read from its start."""

    def __init__(self, source: str, log: Path) -> None:
        self._source = source
        self._log = log
        self._identity = 0
        self._offset = 0
        self._unfinished = b""

    def last(self, count: int) -> list[LogLine]:
        if not self._log.exists():
            return []
        status = self._log.stat()
        self._identity, self._offset = status.st_ino, status.st_size
        return [parse(self._source, line) for line in tail(self._log, count, self._offset)]

    def new(self) -> list[LogLine]:
        if not self._log.exists():
            return []
        status = self._log.stat()
        if status.st_ino != self._identity or status.st_size < self._offset:
            self._identity, self._offset, self._unfinished = status.st_ino, 0, b""
        if status.st_size == self._offset:
            return []
        with self._log.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        *complete, self._unfinished = (self._unfinished + added).split(b"\n")
        return [parse(self._source, line.decode("utf-8", "replace")) for line in complete]


def log_sources(home: Home, names: Iterable[str]) -> list[str]:
    """The processes whose logs are meant: the named ones, or all that have a log."""
    named = [name if name == SMTP_LOG else find_service(name).name for name in names]
    return named or sorted(file.stem for file in home.logs.glob("*.log"))
