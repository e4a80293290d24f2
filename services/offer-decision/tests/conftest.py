"""Where do the tests find what they share, and a store that is migrated?"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:  # imported where used, so that pure tests don't pay for stores and servers
    from sqlalchemy.ext.asyncio import AsyncConnection

    from mesh.store import Store
    from offer_decision.handlers.ports import Records


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> "AsyncIterator[Store]":
    from mesh.store import Store, apply_migrations  # noqa: PLC0415 - see above

    await asyncio.to_thread(apply_migrations, postgres_url, "offer", "offer_decision.store.migrations")
    async with Store(postgres_url, "offer") as store:
        yield store


@pytest.fixture
async def connection(store: "Store") -> "AsyncIterator[AsyncConnection]":
    """What is written is rolled back after the test."""
    async with store.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        await transaction.rollback()


@pytest.fixture
def records(connection: "AsyncConnection") -> "Records":
    from offer_decision.store.records import records_on  # noqa: PLC0415 - see above

    return records_on(connection)


@pytest.fixture
async def empty(store: "Store") -> AsyncIterator[None]:
    """For tests that commit: nothing is left of what they wrote."""
    from sqlalchemy import text  # noqa: PLC0415 - see above

    yield
    async with store.engine.begin() as connection:
        await connection.execute(text("TRUNCATE offer.plan, offer.campaign, offer.decision, offer.recovery"))
