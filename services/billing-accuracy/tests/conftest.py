"""Where do the tests find their samples, and on which database do stores work?"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.store import Store, apply_migrations

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    """An empty, migrated database for the module."""
    await asyncio.to_thread(apply_migrations, postgres_url, "billing", "billing_accuracy.store.migrations")
    async with Store(postgres_url, "billing") as store:
        yield store
