import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from mesh.store import RequestIdReused, Store

OpenStore = Callable[..., Store]
METHOD = "/cxmesh.durable.v1.CountService/Count"


async def count(store: Store, messages: Any, request: Any, delay: float = 0, method: str = METHOD) -> Any:
    """What a handler does: add to a counter, once for each request_id."""
    async with store.unit_of_work() as uow:

        async def make() -> Any:
            await asyncio.sleep(delay)
            row = await uow.connection.execute(
                text(
                    "INSERT INTO durable.counter AS c VALUES (:name, :number) "
                    "ON CONFLICT (name) DO UPDATE SET value = c.value + EXCLUDED.value RETURNING value"
                ),
                {"name": request.name, "number": request.number},
            )
            return messages.CountResponse(name=request.name, number=row.scalar_one())

        return await uow.idempotent(method, request, make)


async def test_the_same_request_gets_the_same_answer_and_happens_once(store: Store, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a", number=5)
    first = await count(store, messages, request)
    assert first == messages.CountResponse(name="a", number=5)
    assert await count(store, messages, request) == first
    other = await count(store, messages, messages.CountRequest(request_id="r2", name="a", number=5))
    assert other.number == 10


async def test_the_same_id_with_another_body_is_refused(store: Store, messages: Any) -> None:
    await count(store, messages, messages.CountRequest(request_id="r1", name="a", number=5))
    with pytest.raises(RequestIdReused, match="'r1' was used for") as caught:
        await count(store, messages, messages.CountRequest(request_id="r1", name="a", number=6))
    assert (caught.value.field, caught.value.value) == ("request_id", "r1")
    assert caught.value.metadata == {"method": METHOD, "request_id": "r1"}


async def test_an_id_belongs_to_its_caller_and_method(open_store: OpenStore, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a", number=1)
    answers = [
        await count(open_store(caller=lambda: "partner/acme"), messages, request),
        await count(open_store(caller=lambda: "partner/other"), messages, request),
        await count(open_store(caller=lambda: "partner/other"), messages, request, method="/other"),
    ]
    assert [answer.number for answer in answers] == [1, 2, 3]


async def test_duplicates_that_come_together_wait_for_the_first(store: Store, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a", number=5)
    answers = await asyncio.gather(*(count(store, messages, request, delay=0.1) for _ in range(5)))
    assert [answer.number for answer in answers] == [5] * 5


async def test_a_duplicate_of_a_request_that_failed_is_handled_anew(store: Store, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a", number=5)

    async def fail() -> Any:
        await asyncio.sleep(0.1)
        raise LookupError

    async def failing() -> None:
        async with store.unit_of_work() as uow:
            await uow.idempotent(METHOD, request, fail)

    results = await asyncio.gather(
        failing(), asyncio.sleep(0.03, count(store, messages, request)), return_exceptions=True
    )
    assert isinstance(results[0], LookupError)
    assert (await results[1]).number == 5  # type: ignore[misc]  # the coroutine that sleep handed on


async def test_a_request_without_an_id_is_handled_each_time(store: Store, messages: Any) -> None:
    request = messages.CountRequest(name="a", number=5)
    assert [(await count(store, messages, request)).number for _ in range(2)] == [5, 10]


async def test_replay_and_remember_are_the_same_in_two_steps(store: Store, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a")
    answer = messages.CountResponse(number=7)
    async with store.unit_of_work() as uow:
        assert await uow.replay(METHOD, request, messages.CountResponse) is None
        await uow.remember(METHOD, request, answer)
    async with store.unit_of_work() as uow:
        assert await uow.replay(METHOD, request, messages.CountResponse) == answer


async def test_a_claim_without_an_answer_does_not_commit(store: Store, messages: Any) -> None:
    request = messages.CountRequest(request_id="r1", name="a", number=5)
    with pytest.raises(RuntimeError, match="never remembered its answer"):
        async with store.unit_of_work() as uow:
            await uow.replay(METHOD, request, messages.CountResponse)
    assert (await count(store, messages, request)).number == 5


async def test_a_message_without_request_id_is_a_mistake_of_the_service(store: Store, messages: Any) -> None:
    async with store.unit_of_work() as uow:
        with pytest.raises(TypeError, match="has no request_id"):
            await uow.replay(METHOD, messages.Counted(), messages.CountResponse)
