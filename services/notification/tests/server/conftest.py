"""The notification service, running; a profile service that knows what a test tells it; and an SMTP server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from cxmesh.notification.v1 import message_pb2
from cxmesh.notification.v1 import notification_service_pb2 as pb
from cxmesh.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from cxmesh.offer.v1 import campaign_pb2, decision_pb2, events_pb2
from cxmesh.profile.v1 import customer_pb2, profile_service_pb2
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from mesh.rpc import not_found
from mesh.testkit import Certificates, FixedClock
from mesh.testkit.serving import ServiceUnderTest, serving
from notification.handlers import deliver_messages
from notification.store.shipped import shipped_templates
from notification.wiring import SERVICE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeProfile(ProfileServiceServicer):
    """Answers BatchGetCustomers as the profile service does."""

    def __init__(self) -> None:
        self.customers: dict[str, customer_pb2.Customer] = {}
        self.calls: list[list[str]] = []
        self.away = False

    def knows(self, customer_id: str, **fields: Any) -> customer_pb2.Customer:
        """From now on there is such a customer."""
        usual = {
            "name": f"customers/{customer_id}",
            "display_name": "Ada",
            "time_zone": "UTC",
            "contact_media": [
                customer_pb2.ContactMedium(
                    channel=customer_pb2.CHANNEL_EMAIL, address=f"{customer_id}@example.com", preferred=True
                )
            ],
        }
        self.customers[f"customers/{customer_id}"] = customer_pb2.Customer(**usual | fields)
        return self.customers[f"customers/{customer_id}"]

    async def BatchGetCustomers(self, request: Any, context: Any) -> Any:
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        self.calls.append(list(request.names))
        for name in request.names:
            if name not in self.customers:
                error = not_found(
                    f"there is no {name}",
                    reason="ERROR_REASON_CUSTOMER_NOT_FOUND",
                    domain="profile.cxmesh",
                    metadata={"customer": name},
                )
                await context.abort(error.status, error.message, error.trailing_metadata())
        found = [self.customers[name] for name in request.names]
        return profile_service_pb2.BatchGetCustomersResponse(customers=found)


@pytest.fixture(scope="module")
def running_profile() -> FakeProfile:
    return FakeProfile()


@pytest.fixture(scope="module")
async def profile_address(running_profile: FakeProfile, certificates: Certificates) -> AsyncIterator[str]:
    issued = certificates.issue("service/profile")
    server = grpc.aio.server()
    add_ProfileServiceServicer_to_server(running_profile, server)
    pair = (issued.key.read_bytes(), issued.certificate.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], issued.ca.read_bytes(), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture(scope="module")
def module_clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
async def service(
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    profile_address: str,
    running_mail_server,
    module_clock: FixedClock,
    spans: InMemorySpanExporter,
) -> AsyncIterator[ServiceUnderTest]:
    settings = {
        "profile_address": profile_address,
        "smtp_host": "127.0.0.1",
        "smtp_port": running_mail_server.port,
        "smtp_sender": "no-reply@example.net",
        "site_url": "https://my.example.net",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        patch.setattr(deliver_messages, "IDLE_SECONDS", 0.05)
        async with serving(
            SERVICE, postgres_url, redis_url, certificates, clock=module_clock, exporter=spans, **settings
        ) as service:
            await _until(lambda: _templates_are_loaded(service))
            yield service


async def _templates_are_loaded(service: ServiceUnderTest) -> bool:
    listed = await NotificationServiceStub(service.channel()).ListTemplates(pb.ListTemplatesRequest(page_size=1000))
    return len(listed.templates) >= len(list(shipped_templates()))


async def _until(happened: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await happened()):
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def notification(service: ServiceUnderTest, mail_server, profile, spans) -> NotificationServiceStub:
    """The service, as staff call it, with nothing left of the tests before."""
    async with service.runtime.store.unit_of_work() as uow:
        names = ("message", "outbox", "inbox", "idempotent_request")
        await uow.connection.execute(text("TRUNCATE " + ", ".join(f"notification.{name}" for name in names)))
    spans.clear()
    return NotificationServiceStub(service.channel())


@pytest.fixture
def profile(running_profile: FakeProfile) -> FakeProfile:
    """As if it had just been started."""
    running_profile.customers.clear()
    running_profile.calls.clear()
    running_profile.away = False
    return running_profile


@pytest.fixture
def decision(module_clock: FixedClock) -> Callable[..., decision_pb2.Decision]:
    """Makes a decision to warn customer c-1; every field can be given."""
    numbers = itertools.count(1)

    def make(**fields: Any) -> decision_pb2.Decision:
        made = decision_pb2.Decision(
            name=f"decisions/d-{next(numbers)}",
            customer="customers/c-1",
            verdict=decision_pb2.Decision.VERDICT_ACT,
            message_request=decision_pb2.MessageRequest(
                template="templates/bill-shock",
                purpose=campaign_pb2.MESSAGE_PURPOSE_SERVICE,
                parameters={"spent": "$80.00", "limit": "$100.00", "percent": "80", "cycle_end": "31 March"},
                action_path="/usage",
            ),
        )
        made.create_time.FromDatetime(module_clock.now() - timedelta(seconds=1))
        made.trigger.event_time.FromDatetime(module_clock.now() - timedelta(seconds=2))
        made.message_request.expire_time.FromDatetime(module_clock.now() + timedelta(days=2))
        request = fields.pop("message_request", None)
        made.MergeFrom(decision_pb2.Decision(**fields))
        if request is not None:
            made.message_request.MergeFrom(request)
        return made

    return make


@pytest.fixture
def decide(service: ServiceUnderTest) -> Callable[..., Awaitable[None]]:
    """Publishes decisions, all in one transaction."""

    async def publish(*decisions: decision_pb2.Decision) -> None:
        async with service.runtime.store.unit_of_work() as uow:
            for each in decisions:
                uow.publish(events_pb2.DecisionMade(decision=each), key=each.customer)

    return publish


@pytest.fixture
def message_in(notification: NotificationServiceStub) -> Callable[..., Awaitable[message_pb2.Message]]:
    """Waits until a message is in a state."""

    async def wait(name: str, state: message_pb2.MessageState.ValueType) -> message_pb2.Message:
        async def look() -> message_pb2.Message | None:
            try:
                message = await notification.GetMessage(pb.GetMessageRequest(name=name))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                return None
            return message if message.state == state else None

        found: message_pb2.Message = await _until(look)
        return found

    return wait


@pytest.fixture
def published(service: ServiceUnderTest) -> Callable[[], Awaitable[list[Any]]]:
    """Reads what the service told of messages, in the order in which it did."""

    async def read() -> list[Any]:
        async with service.runtime.store.reading() as connection:
            rows = await connection.execute(
                text("SELECT type, data FROM notification.outbox WHERE topic = 'notification' ORDER BY position")
            )
            pool = descriptor_pool.Default()
            return [
                message_factory.GetMessageClass(pool.FindMessageTypeByName(row.type)).FromString(row.data)
                for row in rows
            ]

    return read
