"""What every test of the store and the events needs: messages of their own, and a service's schema."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from mesh.events import Consumer, Delivery, RedisClient, Subscription, connect_redis
from mesh.store import PoolSettings, Store, UnitOfWork, apply_migrations

FIRST_MIGRATION = '''"""The mesh's tables, and counters."""

from alembic import op

from mesh.store import create_mesh_tables, drop_mesh_tables

revision = "0001"
down_revision = None


def upgrade():
    create_mesh_tables(op, "{schema}")
    op.execute("CREATE TABLE {schema}.counter (name text PRIMARY KEY, value bigint NOT NULL)")


def downgrade():
    drop_mesh_tables(op, "{schema}")
    op.execute("DROP TABLE {schema}.counter")
'''


@dataclass(frozen=True)
class Messages:
    """Protobuf classes of package cxmesh.durable.v1, so of the topic "durable"."""

    Counted: Any
    """An event: name, number."""
    Renamed: Any
    """Another event: name, number."""
    CountRequest: Any
    """A request: request_id, name, number, page_size, page_token."""
    CountResponse: Any
    """A response: name, number."""


@pytest.fixture(scope="session")
def messages() -> Messages:
    kinds = descriptor_pb2.FieldDescriptorProto
    event = {"name": kinds.TYPE_STRING, "number": kinds.TYPE_INT64}
    request = {
        "request_id": kinds.TYPE_STRING, **event, "page_size": kinds.TYPE_INT32, "page_token": kinds.TYPE_STRING
    }  # fmt: skip
    shapes = {"Counted": event, "Renamed": event, "CountRequest": request, "CountResponse": event}
    file = descriptor_pb2.FileDescriptorProto(
        name="mesh_tests/durable.proto", package="cxmesh.durable.v1", syntax="proto3"
    )
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.Default()
    pool.Add(file)
    classes = {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"cxmesh.durable.v1.{name}"))
        for name in shapes
    }
    return Messages(**classes)


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`scripts("usage")`: a package with the first migration of that schema."""
    folder = tmp_path_factory.mktemp("migrations")
    made: dict[str, str] = {}

    def make(schema: str) -> str:
        if schema not in made:
            package = f"durable_migrations_{schema}"
            write_migration(folder / package, "0001", FIRST_MIGRATION.format(schema=schema))
            made[schema] = package
        return made[schema]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield make


def write_migration(folder: Path, revision: str, source: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / f"{revision}.py").write_text(source)


OpenStore = Callable[..., Store]


@pytest.fixture
async def open_store(postgres_url: str, scripts: Callable[[str], str]) -> AsyncIterator[OpenStore]:
    """`open_store("usage")`: the store of one service, migrated and empty; closed after the test."""
    async with AsyncExitStack() as stack:
        opened: set[str] = set()

        def make(schema: str = "durable", **options: Any) -> Store:
            if schema not in opened:
                apply_migrations(postgres_url, schema, scripts(schema))
                _empty(postgres_url, schema)
                opened.add(schema)
            options.setdefault("pool", PoolSettings(size=5, wait_seconds=10))
            store = Store(postgres_url, schema, **options)
            stack.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    """The store of a service with the schema "durable"."""
    return open_store()


def _empty(postgres_url: str, schema: str) -> None:
    tables = ("outbox", "relay_state", "inbox", "idempotent_request", "counter")
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"TRUNCATE {', '.join(f'{schema}.{table}' for table in tables)} RESTART IDENTITY")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisClient]:
    """A client of an empty Redis."""
    client = connect_redis(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


class Running:
    """Relays and consumers at work; all end with the test."""

    def __init__(self) -> None:
        self._work: dict[Any, asyncio.Task[None]] = {}

    def start(self, *workers: Any) -> None:
        for worker in workers:
            self._work[worker] = asyncio.create_task(worker.run())

    async def stop(self, *workers: Any) -> None:
        for worker in workers or list(self._work):
            worker.stop()
        for worker in workers or list(self._work):
            await asyncio.wait_for(self._work.pop(worker), 20)

    def kill(self, worker: Any) -> None:
        """As kill -9 would: in the middle of whatever it does, without a goodbye."""
        self._work.pop(worker).cancel()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    workers = Running()
    yield workers
    await workers.stop()


async def eventually(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until `condition` (which may be a coroutine function) is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Any:
    return eventually


class Counting:
    """What a service does in these tests: adds each event to a counter in its own schema, and notes the batches."""

    def __init__(self, store: Store, messages: Messages) -> None:
        self.store = store
        self.counter = Table(
            "counter", MetaData(schema=store.schema), Column("name", Text), Column("value", BigInteger)
        )
        self.batches: list[list[Delivery[Any]]] = []
        self.fail: Callable[[Delivery[Any]], None] = lambda _: None
        self.subscriptions = [
            Subscription(group=store.schema, event=messages.Counted, handler=self.handle),
            Subscription(group=store.schema, event=messages.Renamed, handler=self.handle),
        ]

    async def handle(self, uow: UnitOfWork, deliveries: Sequence[Delivery[Any]]) -> None:
        self.batches.append(list(deliveries))
        for delivery in deliveries:
            self.fail(delivery)
        rows = [{"name": str(delivery.message.number), "value": 1} for delivery in deliveries]
        new = insert(self.counter)
        added = new.on_conflict_do_update(index_elements=["name"], set_={"value": self.counter.c.value + 1})
        await uow.connection.execute(added, rows)

    async def counts(self) -> dict[int, int]:
        """How often each number had an effect."""
        async with self.store.reading() as connection:
            rows = await connection.execute(select(self.counter))
            return {int(row.name): row.value for row in rows}

    async def has(self, numbers: Iterable[int]) -> bool:
        return set(await self.counts()) == set(numbers)

    @property
    def deliveries(self) -> list[Delivery[Any]]:
        return [delivery for batch in self.batches for delivery in batch]

    def consumer(self, redis: RedisClient, instance: str = "one", **options: Any) -> Consumer:
        return Consumer(self.store, redis, self.subscriptions, group=self.store.schema, instance=instance, **options)


@pytest.fixture
def counting(open_store: OpenStore, messages: Messages) -> Callable[..., Counting]:
    """`counting("billing")`: a service that reacts, with a schema of its own."""
    return lambda schema="reacting": Counting(open_store(schema), messages)


@pytest.fixture
def publish(messages: Messages) -> Callable[..., Any]:
    """`await publish(store, range(10))`: one unit of work with an event for each number."""

    async def publish(store: Store, numbers: Iterable[int], event: Any = None) -> None:
        async with store.unit_of_work() as uow:
            for number in numbers:
                uow.publish((event or messages.Counted)(name="n", number=number), key=str(number))

    return publish
