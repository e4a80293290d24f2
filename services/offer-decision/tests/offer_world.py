"""The service under test with those that it asks, and what a test does with it."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from offer_peers import Peers
from offer_samples import tariff
from sqlalchemy import text

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.offer.v1.campaign_pb2 import Campaign
from cxmesh.offer.v1.decision_pb2 import Decision
from cxmesh.offer.v1.offer_decision_service_pb2 import CreateCampaignRequest, ListDecisionsRequest
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceStub
from mesh.clock import FixedClock
from mesh.events.streams import Envelope, events_key
from mesh.store.outbox import Stream, topic_of
from mesh.testkit.serving import ServiceUnderTest

if TYPE_CHECKING:  # the stubs alone know the names
    from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub
    from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceAsyncStub

T = TypeVar("T")
PATIENCE_SECONDS = 10.0


def campaign(**fields: Any) -> Campaign:
    """One that warns of spending, for service, running."""
    usual = {"display_name": "Bill shock", "state": 2, "trigger": 1, "purpose": 2, "template": "templates/bill-shock"}
    return Campaign(**usual | fields)


def plan(**fields: Any) -> Plan:
    """One that is sold."""
    return Plan(**{"display_name": "Gold", "state": PLAN_STATE_ACTIVE, "tariff_document": tariff()} | fields)


@dataclass
class World:
    """The service with a profile, usage, billing and SLA service of its own."""

    service: ServiceUnderTest
    peers: Peers
    clock: FixedClock

    def catalog(self, as_: str = "service/operator") -> "CatalogServiceAsyncStub":
        return CatalogServiceStub(self.service.channel(as_))

    def offers(self, as_: str = "service/operator") -> "OfferDecisionServiceAsyncStub":
        return OfferDecisionServiceStub(self.service.channel(as_))

    def customer(self, *consents: Any, **facts: Any) -> str:
        """A new one, whom the profile knows."""
        return self.peers.profile.know(f"customers/c-{uuid.uuid4().hex[:8]}", *consents, **facts)

    async def create_plan(self, plan_id: str, **fields: Any) -> Plan:
        return await self.catalog().CreatePlan(CreatePlanRequest(plan_id=plan_id, plan=plan(**fields)))

    async def run_campaign(self, campaign_id: str = "bill-shock", **fields: Any) -> Campaign:
        request = CreateCampaignRequest(campaign_id=campaign_id, campaign=campaign(**fields))
        return await self.offers().CreateCampaign(request)

    async def publish(
        self, event: Message, *, trace: str | None = None, event_id: uuid.UUID | None = None, at: datetime | None = None
    ) -> uuid.UUID:
        """Put an event into its stream as the relay of its service does; its id."""
        envelope = Envelope(
            id=event_id or uuid.uuid4(),
            type=event.DESCRIPTOR.full_name,
            key="key",
            time=at or datetime.now(UTC),
            traceparent=trace,
            tracestate=None,
            data=event.SerializeToString(),
        )
        fields = envelope.to_fields("test")
        stream = events_key(Stream(topic_of(event), 0))
        await self.service.runtime.redis.xadd(stream, dict(zip(fields[::2], fields[1::2], strict=True)))
        return envelope.id

    async def handled(self, *event_ids: uuid.UUID) -> None:
        """Wait until the service has handled these events."""

        async def all_of_them() -> bool:
            async with self.service.runtime.store.reading() as connection:
                query = text("SELECT count(*) FROM offer.inbox WHERE event_id = ANY(:ids)")
                return (await connection.execute(query, {"ids": list(event_ids)})).scalar_one() == len(event_ids)

        await until(all_of_them)

    async def tell(self, *events: Message) -> None:
        """Publish events and wait until they are handled."""
        await self.handled(*[await self.publish(event) for event in events])

    async def decisions(self, customer: str = "") -> list[Decision]:
        """Of a customer, oldest first."""
        answer = await self.offers().ListDecisions(ListDecisionsRequest(customer=customer, page_size=1000))
        return list(reversed(answer.decisions))

    async def decided(self, event: Message, customer: str) -> Decision:
        """The decision that an event sets off for a customer who had none."""
        await self.tell(event)
        (decision,) = await self.decisions(customer)
        return decision

    async def relayed(self, customer: str) -> dict[bytes, bytes]:
        """The one entry in the stream `offer` that tells of a decision about a customer, as others find it there."""
        found: list[dict[bytes, bytes]] = []

        async def there() -> bool:
            entries = await self.service.runtime.redis.xrange(events_key(Stream("offer", 0)))
            found[:] = [fields for _, fields in entries if fields[b"subject"] == customer.encode()]
            return bool(found)

        await until(there)
        (entry,) = found
        return entry

    async def published(self) -> list[Message]:
        """The events in the outbox, in the order in which they were published."""
        async with self.service.runtime.store.reading() as connection:
            rows = await connection.execute(text("SELECT type, data FROM offer.outbox ORDER BY position"))
            return [read_event(row.type, row.data) for row in rows]


def read_event(name: str, data: bytes) -> Message:
    """The message that travels in an event."""
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name)).FromString(data)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again, as an outsider must."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():
            await asyncio.sleep(0.01)
