"""The service, running between its peers, and what a test wants to know of it."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from billing_peers import Peers, peers
from billing_samples import SINCE, Account
from google.protobuf import descriptor_pool, message_factory
from sqlalchemy import text

from billing_accuracy.wiring import SERVICE
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceStub
from cxmesh.billing.v1.bill_run_service_pb2_grpc import BillRunServiceStub
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.billing.v1.events_pb2 import SystematicErrorFound
from mesh.testkit import Certificates, FixedClock
from mesh.testkit.serving import ServiceUnderTest, serving

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class World:
    """The service, its peers and its clock; every test makes its own runs and subscriptions."""

    def __init__(self, service: ServiceUnderTest, around: Peers, clock: FixedClock) -> None:
        self.service, self.peers, self.clock = service, around, clock
        self.billing: Any = BillingAccuracyServiceStub(service.channel())
        self.accounts: Any = AccountServiceStub(service.channel())
        self.runs: Any = BillRunServiceStub(service.channel())

    def stub(self, caller: str) -> Any:
        return BillingAccuracyServiceStub(self.service.channel(caller))

    def account(self, plan: str = "plans/standard", **fields: Any) -> Account:
        """A new subscription that is known everywhere."""
        name = f"subscriptions/s-{uuid.uuid4().hex[:12]}"
        return self.peers.hold(Account(**{"name": name, "plans": ((plan, SINCE),)} | fields))

    async def run(self, currency: str = "USD") -> str:
        """A new bill run's name."""
        request = pb.CreateBillRunRequest(
            bill_run_id=f"run-{uuid.uuid4().hex[:12]}", bill_run=bill_pb2.BillRun(currency_code=currency)
        )
        return (await self.billing.CreateBillRun(request)).name

    async def check(self, run: str, *bills: bill_pb2.Bill) -> pb.CheckBillsResponse:
        return await self.billing.CheckBills(pb.CheckBillsRequest(bill_run=run, bills=bills))

    async def checked(self, run: str, bill: bill_pb2.Bill) -> bill_check_pb2.BillCheck:
        """The whole check of one bill."""
        [outcome] = (await self.check(run, bill)).outcomes
        return await self.billing.GetBillCheck(pb.GetBillCheckRequest(name=outcome.bill_check))

    async def report(self, run: str) -> bill_pb2.BillRunReport:
        return (await self.billing.GetBillRun(pb.GetBillRunRequest(name=run))).report

    async def events(self, run: str) -> list[tuple[str, Any]]:
        """Key and message of what was published about a run, in order."""
        async with self.service.runtime.store.reading() as connection:
            rows = await connection.execute(text("SELECT type, key, data FROM billing.outbox ORDER BY position"))
            pool = descriptor_pool.Default()
            told = [
                (row.key, message_factory.GetMessageClass(pool.FindMessageTypeByName(row.type)).FromString(row.data))
                for row in rows
            ]
        return [(key, message) for key, message in told if _run_of(message) == run]


def _run_of(message: Any) -> str:
    return message.bill_run if isinstance(message, SystematicErrorFound) else message.bill_check.bill_run


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[World]:
    clock = FixedClock(NOW)
    async with (
        peers(certificates) as around,
        serving(
            SERVICE, postgres_url, redis_url, certificates, clock=clock, memory_seconds=0, **around.addresses
        ) as service,
    ):
        yield World(service, around, clock)


@pytest.fixture(autouse=True)
def _peers_are_up(request: pytest.FixtureRequest) -> None:
    if "world" in request.fixturenames:
        world: World = request.getfixturevalue("world")
        for peer in world.peers.all:
            peer.down = False
            peer.asked.clear()
        world.peers.usage.breaks_off = False
