"""What is the command doing right now, and what is it waiting for?"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text


class Step:
    """One thing under way; `detail` is shown beside its name once it is done."""

    def __init__(self, steps: "Steps", name: str) -> None:
        self._steps = steps
        self._name = name
        self.detail = ""

    def waiting_for(self, what: str) -> None:
        self._steps.show(self._name, what)


class Steps:
    """Spinners while things are under way, a line when each is done. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[name]:<18} {task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))

    def show(self, name: str, what: str) -> None:
        self._progress.update(self._tasks[name], description=what)

    @contextmanager
    def step(self, name: str, waiting_for: str) -> Iterator[Step]:
        begun = time.monotonic()
        self._tasks[name] = self._progress.add_task(waiting_for, name=name, total=None)
        step = Step(self, name)
        try:
            yield step
        except BaseException:
            self._finish(name, "[red]✗[/]", step.detail, begun)
            raise
        self._finish(name, "[green]✓[/]", step.detail, begun)

    def _finish(self, name: str, mark: str, detail: str, begun: float) -> None:
        self._progress.remove_task(self._tasks.pop(name))
        seconds = time.monotonic() - begun
        line = Text.from_markup(mark).append(f" {name:<18} ").append(f"{seconds:>6.1f} s  ").append(detail, "dim")
        self._console.print(line)
