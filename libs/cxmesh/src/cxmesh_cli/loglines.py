"""How are a service's log lines read, and shown to a person?"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.text import Text

LEVELS = ("debug", "info", "warning", "error", "critical")
_STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "bold red"}
_SHOWN_APART = frozenset({"time", "level", "event", "service", "exception"})
_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    source: str
    """The process that wrote it."""
    raw: str
    time: str = ""
    """ISO 8601, UTC; empty for text that is not a JSON line, such as a traceback of the interpreter."""
    level: str = ""
    event: str = ""
    fields: dict[str, object] = field(default_factory=dict)

    def as_text(self) -> Text:
        text = Text(f"{_clock(self.time):<12} {self.source:<18} ", style="dim")
        if not self.time:
            return text.append(self.raw, style="default not dim")
        text.append(f"{self.level:<8} ", style=f"{_STYLES.get(self.level, '')} not dim")
        text.append(self.event, style="bold not dim")
        for key, value in self.fields.items():
            if key not in _SHOWN_APART:
                text.append(f" {key}=", style="dim cyan").append(_plain(value), style="default not dim")
        for line in str(self.fields.get("exception", "")).splitlines():
            text.append(f"\n    {line}", style="red not dim")
        return text


def parse(source: str, raw: str) -> LogLine:
    try:
        fields = json.loads(raw)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or "time" not in fields:
        return LogLine(source, raw)
    level = str(fields.get("level", "")).lower()
    return LogLine(source, raw, str(fields["time"]), level, str(fields.get("event", "")), fields)


def tail(log: Path, count: int, size: int | None = None) -> list[str]:
    """The last `count` lines of the first `size` bytes; a long log costs no more to read than a short one."""
    try:
        with log.open("rb") as file:
            position = file.seek(0, os.SEEK_END) if size is None else size
            block = b""
            while position > 0 and block.count(b"\n") <= count:
                start = max(0, position - _BLOCK_BYTES)
                file.seek(start)
                block = file.read(position - start) + block
                position = start
    except FileNotFoundError:
        return []
    lines = block.decode("utf-8", "replace").splitlines()
    return lines[len(lines) - min(count, len(lines)) :]


def tail_text(source: str, log: Path, count: int = 15) -> str:
    """The end of a log for an error message."""
    parsed = [parse(source, line) for line in tail(log, count)]
    lines = [line.as_text().plain if line.time else f"  {line.raw}" for line in parsed]
    return "\n".join([f"the end of {log}:", *(lines or ["(it is empty)"])])


def in_order(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Lines of several processes by time; one without a time stays behind the line it followed."""
    keyed = []
    latest: dict[str, str] = {}
    for line in lines:
        latest[line.source] = line.time or latest.get(line.source, "")
        keyed.append((latest[line.source], line))
    keyed.sort(key=lambda pair: pair[0])  # stable: lines of one process keep their order
    return (line for _, line in keyed)


def _clock(time: str) -> str:
    """Time of day, to the millisecond, in the zone of this machine."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except ValueError:
        return ""


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
