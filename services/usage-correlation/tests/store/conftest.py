"""A migrated database for each module, through the service's own store."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mesh.store import Store, apply_migrations
from usage_correlation.store.arrays import accept_arrays


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    await asyncio.to_thread(apply_migrations, postgres_url, "usage", "usage_correlation.store.migrations")
    async with Store(postgres_url, "usage") as store:
        accept_arrays(store.engine)
        yield store
