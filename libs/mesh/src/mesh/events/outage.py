"""Is this loop's work possible now, when is it tried again, and who needs to know?"""

import asyncio
import random
import time
import traceback

import structlog

from mesh.waiting import is_set_within

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 5.0


class Outage:
    """The state of one loop that must outlive failures of what it depends on.

    Logs once when work becomes impossible and once when it is possible again, however often it is tried between.
    """

    def __init__(self, loop: str) -> None:
        """`loop` names the loop in the logs."""
        self._log = structlog.get_logger(__name__).bind(loop=loop)
        self._since: float | None = None
        self._failures = 0

    @property
    def is_down(self) -> bool:
        """Whether the last attempt failed."""
        return self._since is not None

    def failed(self, error: Exception) -> float:
        """Note a failure; how many seconds to wait before the next attempt."""
        if self._since is None:
            self._since = time.monotonic()
            self._log.warning("events.interrupted", error=type(error).__name__, where=place_of(error))
        self._failures += 1
        longest: float = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(self._failures, 16))
        # Spread, so that not all replicas come back in the same moment.
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def succeeded(self) -> None:
        """Note that work is possible."""
        if self._since is not None:
            seconds = round(time.monotonic() - self._since, 1)
            self._log.info("events.resumed", after_seconds=seconds, failures=self._failures)
        self._since = None
        self._failures = 0


def place_of(error: BaseException) -> str:
    """File, line and function that raised: what can be logged of an error whose message may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    last = frames[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno} in {last.name}"


async def sleep_unless(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but not longer than until `stopping` is set."""
    await is_set_within(stopping, seconds)
