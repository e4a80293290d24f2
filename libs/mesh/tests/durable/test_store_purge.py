from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mesh.clock import FixedClock
from mesh.store import Store
from mesh.store.event_ids import new_event_id
from mesh.store.purge import Purged, Retention

DAY = timedelta(days=1)


async def test_rows_past_their_retention_go_and_others_stay(
    open_store: Callable[..., Store], messages: Any, clock: FixedClock
) -> None:
    store = open_store(clock=clock, retention=Retention(outbox=7 * DAY, inbox=9 * DAY, requests=5 * DAY))

    async def write(*, relayed: bool) -> None:
        request = messages.CountRequest(request_id=f"relayed {relayed}")
        async with store.unit_of_work() as uow:
            await uow.replay("/m", request, messages.CountResponse)
            await uow.remember("/m", request, messages.CountResponse())
            uow.publish(messages.Counted(), key="a")
            await uow.connection.execute(
                text("INSERT INTO durable.inbox VALUES (:id, :now)"),
                {"id": new_event_id(clock.now()), "now": clock.now()},
            )
        if relayed:
            async with store.unit_of_work() as uow:
                await uow.connection.execute(text("UPDATE durable.outbox SET sequence = position"))

    await write(relayed=True)
    await write(relayed=False)
    clock.advance(6 * DAY)
    assert await store.purge() == Purged(outbox=0, inbox=0, requests=2)
    clock.advance(2 * DAY)
    assert await store.purge() == Purged(outbox=1, inbox=0, requests=0), "what waits for the relay stays"
    clock.advance(2 * DAY)
    assert await store.purge() == Purged(outbox=0, inbox=2, requests=0)
    assert await store.purge() == Purged(outbox=0, inbox=0, requests=0)


def test_an_inbox_that_forgets_before_the_outbox_is_refused() -> None:
    with pytest.raises(ValueError, match="must be longer than the outbox's"):
        Retention(outbox=7 * DAY, inbox=7 * DAY)
