"""What runs beside the calls, and who notices when it ends by itself?"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mesh.observe import log


class BackgroundFailed(Exception):  # noqa: N818 - a statement; it ends the process
    """Something that should run as long as the service does has ended by itself."""


class Background:
    """Tasks that live as long as the service. One that ends early is a fault of the whole service."""

    def __init__(self, failed: asyncio.Future[None]) -> None:
        """`failed` gets a BackgroundFailed when a task ends early; several backgrounds may share it."""
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops: list[Callable[[], None]] = []
        self._stopping = False

    def start(self, name: str, work: Coroutine[Any, Any, None], stop: Callable[[], None]) -> None:
        """Run `work` from now on; `stop` asks it to end."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        self._stops.append(stop)
        task.add_done_callback(self._ended)

    async def stop(self, grace_seconds: float) -> None:
        """Ask everything to end, and wait for it; what takes longer than the grace is cancelled."""
        self._stopping = True
        for stop in self._stops:
            stop()
        running = [task for task in self._tasks if not task.done()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            log.warning("still running after the grace; cancelled", task=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)  # _ended logs their errors

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background task failed", task=task.get_name(), exc_info=error)
        if not self._stopping and not self._failed.done():
            why = "it was cancelled" if task.cancelled() else error or "without an error"
            self._failed.set_exception(BackgroundFailed(f"{task.get_name()} ended: {why}"))
