"""Which calls are stored together?

While transactions are under way, calls wait; those that waited together are stored in one transaction. So the cost of a
transaction and of each of its statements is shared, most when there is most to do, and a call that comes alone waits
for nobody.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanContext

from usage_correlation.domain.refusals import BatchOutcome
from usage_correlation.domain.usage import UsageBatch

AT_ONCE: Final = 2
"""Transactions under way: one is worked on here while the other is worked on by the database."""
MOST_RECORDS: Final = 4000
"""In one transaction: no caller waits for too many others."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call asks to be stored."""

    batch: UsageBatch
    trace: SpanContext
    """The call's, for what follows from its records."""


Store = Callable[[Sequence[Asked]], Awaitable[Sequence[BatchOutcome]]]


@dataclass(slots=True, eq=False)
class _Call:
    asked: Asked
    answer: "asyncio.Future[BatchOutcome]"
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """The caller's: its deadline and its trace."""


class GatherCalls:
    """Hands calls on in groups."""

    def __init__(self, store: Store) -> None:
        """`store` takes the calls of one transaction and gives an outcome for each; it raises for all of them."""
        self._store = store
        self._waiting: deque[_Call] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, batch: UsageBatch) -> BatchOutcome:
        """The batch's outcome, when it is durable. A caller that goes away leaves its batch to be stored or not."""
        asked = Asked(batch, trace.get_current_span().get_span_context())
        call = _Call(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._begin()
        return await call.answer

    def _begin(self) -> None:
        while self._waiting and len(self._under_way) < AT_ONCE:
            group = [self._waiting.popleft()]
            records = len(group[0].asked.batch)
            while self._waiting and records + len(self._waiting[0].asked.batch) <= MOST_RECORDS:
                records += len(self._waiting[0].asked.batch)
                group.append(self._waiting.popleft())
            task = asyncio.get_running_loop().create_task(self._run(group), context=group[0].context)
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    async def _run(self, group: Sequence[_Call]) -> None:
        wanted = [call for call in group if not call.answer.done()]  # some callers may have gone
        if not wanted:
            return
        try:
            outcomes = await self._store([call.asked for call in wanted])
        except Exception as error:  # noqa: BLE001 - each caller is told
            await self._apart(wanted, error)
            return
        for call, outcome in zip(wanted, outcomes, strict=True):
            if not call.answer.done():
                call.answer.set_result(outcome)

    async def _apart(self, group: Sequence[_Call], error: Exception) -> None:
        """What is wrong with one call is no concern of the others."""
        if len(group) == 1:
            if not group[0].answer.done():
                group[0].answer.set_exception(error)
            return
        for call in group:
            alone = asyncio.get_running_loop().create_task(self._run([call]), context=call.context)
            await asyncio.wait({alone})
