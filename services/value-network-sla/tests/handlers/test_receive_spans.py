"""Do spans of many callers get stored together, and does nobody pay for another's mistake?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from value_network_sla.errors import Overloaded, PartnerNotFound, UnknownPartner
from value_network_sla.handlers.kept import Chunk
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.receive_spans import SpanReceiver


@dataclass
class FakeStore:
    """Keeps batches of span ids; waits when told to, and refuses a batch that holds a poisoned span."""

    partners: set[str] = field(default_factory=set)
    batches: list[Sequence[bytes]] = field(default_factory=list)
    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def change(self, make: Callable[[Work], Awaitable[Any]]) -> Any:
        records = SimpleNamespace(partners=SimpleNamespace(get=self._get), traces=SimpleNamespace(add=self._add))
        return await make(cast("Work", SimpleNamespace(records=records, now=datetime(2026, 3, 1, tzinfo=UTC))))

    async def _get(self, name: str) -> str:
        self.asked += 1
        if name not in self.partners:
            raise PartnerNotFound(name)
        return name

    async def _add(self, chunks: Sequence[Chunk], now: datetime) -> None:
        await self.gate.wait()
        span_ids = [row[0] for chunk in chunks for row in chunk.rows]
        if b"poison" in span_ids:
            raise OSError("the database says no")
        self.batches.append(span_ids)


def _spans(*span_ids: bytes) -> tuple[list[Chunk], int]:
    rows: list[Any] = [(span_id,) for span_id in span_ids]
    return [Chunk(bytes(16), "services/a", "a", "", rows)] if rows else [], len(rows)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore(partners={"partners/known"})


@pytest.fixture
def receiver(store: FakeStore) -> SpanReceiver:
    return SpanReceiver(store, max_waiting_spans=5)


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_comes_in_during_a_batch_is_the_next_batch(store: FakeStore, receiver: SpanReceiver) -> None:
    first = asyncio.create_task(receiver.receive(*_spans(b"1")))
    await _settle()
    others = [asyncio.create_task(receiver.receive(*_spans(each))) for each in (b"2", b"3", b"4")]
    await _settle()
    assert not any(task.done() for task in (first, *others))
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.batches == [[b"1"], [b"2", b"3", b"4"]]


async def test_too_many_waiting_spans_are_refused_until_there_is_room(store: FakeStore, receiver: SpanReceiver) -> None:
    first = asyncio.create_task(receiver.receive(*_spans(b"1", b"2", b"3", b"4")))
    await _settle()
    with pytest.raises(Overloaded) as refused:
        await receiver.receive(*_spans(b"5", b"6"))
    assert refused.value.metadata == {"waiting_spans": "4"}
    store.gate.set()
    await first
    await receiver.receive(*_spans(b"5", b"6"))
    assert store.batches == [[b"1", b"2", b"3", b"4"], [b"5", b"6"]]


async def test_a_batch_larger_than_the_limit_is_taken_when_nothing_waits(
    store: FakeStore, receiver: SpanReceiver
) -> None:
    store.gate.set()
    await receiver.receive(*_spans(*(bytes([n]) for n in range(50))))
    assert [len(batch) for batch in store.batches] == [50]


async def test_one_callers_bad_batch_fails_that_caller_alone(store: FakeStore, receiver: SpanReceiver) -> None:
    first = asyncio.create_task(receiver.receive(*_spans(b"1")))
    await _settle()
    second, bad, third = (asyncio.create_task(receiver.receive(*_spans(each))) for each in (b"2", b"poison", b"3"))
    await _settle()
    store.gate.set()
    results = await asyncio.gather(first, second, bad, third, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), OSError, type(None)]
    assert sorted(span_id for batch in store.batches for span_id in batch) == [b"1", b"2", b"3"]


async def test_a_caller_that_gives_up_leaves_the_others_waiting(store: FakeStore, receiver: SpanReceiver) -> None:
    first = asyncio.create_task(receiver.receive(*_spans(b"1")))
    await _settle()
    second = asyncio.create_task(receiver.receive(*_spans(b"2")))
    await _settle()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    store.gate.set()
    await second
    assert store.batches == [[b"2"]]
    await receiver.receive(*_spans(b"3", b"4", b"5", b"6", b"7"))  # nothing counts as waiting any more


async def test_no_spans_need_no_store(store: FakeStore, receiver: SpanReceiver) -> None:
    await receiver.receive([], 0)
    assert store.batches == []


async def test_only_known_partners_may_send(store: FakeStore, receiver: SpanReceiver) -> None:
    await receiver.admit("services/profile")
    assert store.asked == 0
    with pytest.raises(UnknownPartner, match="partners/new"):
        await receiver.admit("partners/new")
    store.partners.add("partners/new")
    await receiver.admit("partners/new")
    await receiver.admit("partners/new")
    assert store.asked == 2
