"""Is a customer hit by a partner's fault told, and credited once, by five services that run as they do in the mesh?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.type.money_pb2 import Money
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from billing_accuracy.wiring import SERVICE as BILLING
from customer_profile.wiring import SERVICE as PROFILE
from cxmesh.billing.v1.account_entry_pb2 import ACCOUNT_ENTRY_KIND_CREDIT, AccountEntry
from cxmesh.billing.v1.account_service_pb2 import ListAccountEntriesRequest
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceStub
from cxmesh.notification.v1.message_pb2 import Message
from cxmesh.notification.v1.notification_service_pb2 import ListMessagesRequest
from cxmesh.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from cxmesh.offer.v1 import campaign_pb2
from cxmesh.offer.v1.decision_pb2 import Recovery
from cxmesh.offer.v1.offer_decision_service_pb2 import CreateCampaignRequest, ListDecisionsRequest
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceStub
from cxmesh.profile.v1 import customer_pb2, subscription_pb2
from cxmesh.profile.v1.profile_service_pb2 import CreateCustomerRequest, CreateSubscriptionRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1.value_network_sla_service_pb2 import CreateAgreementRequest, CreatePartnerRequest
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from mesh.testkit import Certificates, FixedClock
from mesh.testkit.serving import ServiceUnderTest, serving
from notification.wiring import SERVICE as NOTIFICATION
from offer_decision.wiring import SERVICE as OFFERS
from value_network_sla.wiring import SERVICE as NETWORK

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIVE = Money(currency_code="EUR", units=5)
CUSTOMERS = 12
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Mesh:
    """The five services, each asked as the operator."""

    services: dict[str, ServiceUnderTest]
    clock: FixedClock

    def stub(self, kind: Callable[[Any], Any], service: str) -> Any:
        return kind(self.services[service].channel())

    async def until(self, found: Callable[[], Awaitable[Any]]) -> Any:
        """What is found in the end; time passes meanwhile, for windows to be over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (result := await found()):
                self.clock.advance(timedelta(seconds=5))
                await asyncio.sleep(0.1)
        return result


@pytest.fixture
async def mesh(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[Mesh]:
    clock = FixedClock(NOON)
    services: dict[str, ServiceUnderTest] = {}
    async with AsyncExitStack() as running:
        for definition, asks in (
            (PROFILE, ()),
            (NETWORK, ()),
            (BILLING, ("profile",)),
            (OFFERS, ("profile", "billing-accuracy", "value-network-sla")),
            (NOTIFICATION, ("profile",)),
        ):
            addresses = {f"{name.replace('-', '_')}_address": services[name].address for name in asks}
            services[definition.name] = await running.enter_async_context(
                serving(definition, postgres_url, redis_url, certificates, clock=clock, **addresses)
            )
        yield Mesh(services, clock)


async def _provision(mesh: Mesh) -> None:
    profile = mesh.stub(ProfileServiceStub, "profile")
    for number in range(CUSTOMERS):
        customer = customer_pb2.Customer(
            display_name=f"Customer {number}",
            life_cycle_state=customer_pb2.LIFE_CYCLE_STATE_ACTIVE,
            language_code="en",
            time_zone="Europe/Berlin",
        )
        await profile.CreateCustomer(CreateCustomerRequest(customer_id=f"c{number}", customer=customer))
        held = subscription_pb2.Subscription(
            customer=f"customers/c{number}",
            service_type=subscription_pb2.SERVICE_TYPE_IPTV,
            plan="plans/tv",
            bill_cycle_day=1,
            state=subscription_pb2.SUBSCRIPTION_STATE_ACTIVE,
        )
        held.activate_time.FromDatetime(NOON - timedelta(days=300))
        await profile.CreateSubscription(CreateSubscriptionRequest(subscription_id=f"tv-{number}", subscription=held))
    campaign = campaign_pb2.Campaign(
        display_name="Fault: tell, and make up for it",
        state=campaign_pb2.CAMPAIGN_STATE_RUNNING,
        trigger=campaign_pb2.TRIGGER_KIND_SERVICE_DEGRADED,
        purpose=campaign_pb2.MESSAGE_PURPOSE_URGENT_SERVICE,
        template="templates/service-degraded",
        recovery=campaign_pb2.RecoveryOffer(credit=FIVE),
    )
    offers = mesh.stub(OfferDecisionServiceStub, "offer-decision")
    await offers.CreateCampaign(CreateCampaignRequest(campaign_id="fault", campaign=campaign))
    sla = mesh.stub(ValueNetworkSlaServiceStub, "value-network-sla")
    partner = agreement_pb2.Partner(display_name="Acme", role=agreement_pb2.PARTNER_ROLE_CONTENT)
    await sla.CreatePartner(CreatePartnerRequest(partner_id="acme", partner=partner))
    agreement = agreement_pb2.Agreement(
        partner="partners/acme", service="iptv", operation="GetStream", objective_ppm=900_000, min_visits=5
    )
    agreement.latency_budget.FromMilliseconds(100)
    agreement.window.FromSeconds(60)
    agreement.effective_time.FromDatetime(NOON - timedelta(days=1))
    await sla.CreateAgreement(CreateAgreementRequest(agreement_id="acme-tv", agreement=agreement))


async def _slow_minute(mesh: Mesh, minute: int) -> None:
    """Every customer watches once; the partner takes 400 ms of the 100 it may."""
    start = int((NOON + timedelta(minutes=minute)).timestamp()) * 10**9
    ours, theirs = [], []
    for number in range(CUSTOMERS):
        trace_id = (minute * 1000 + number + 1).to_bytes(16, "big")
        begin, end = start + number * 10**7, start + number * 10**7 + 4 * 10**8
        root = _span(trace_id, 1, None, "watch", Span.SPAN_KIND_SERVER, begin, end)
        for key, value in (("cxmesh.service", "iptv"), ("cxmesh.customer", f"customers/c{number}")):
            root.attributes.add(key=key).value.string_value = value
        ours += [root, _span(trace_id, 2, 1, "GetStream", Span.SPAN_KIND_CLIENT, begin, end)]
        theirs.append(_span(trace_id, 3, 2, "GetStream", Span.SPAN_KIND_SERVER, begin, end))
    for sender, spans in (("service/operator", ours), ("partner/acme", theirs)):
        request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
        await TraceServiceStub(mesh.services["value-network-sla"].channel(sender)).Export(request)


def _span(trace_id: bytes, number: int, parent: int | None, name: str, kind: Any, start: int, end: int) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=b"" if parent is None else parent.to_bytes(8, "big"),
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
    )


async def _messages(mesh: Mesh, count: int) -> list[Message]:
    notification = mesh.stub(NotificationServiceStub, "notification")

    async def told() -> list[Message] | None:
        found = (await notification.ListMessages(ListMessagesRequest(parent="customers/-", page_size=1000))).messages
        return list(found) if len(found) >= count else None

    return await mesh.until(told)  # type: ignore[no-any-return]  # of the kind above


async def _entries(mesh: Mesh, number: int) -> list[AccountEntry]:
    accounts = mesh.stub(AccountServiceStub, "billing-accuracy")
    request = ListAccountEntriesRequest(parent=f"subscriptions/tv-{number}")
    return list((await accounts.ListAccountEntries(request)).entries)


async def test_customers_hit_by_a_fault_are_told_with_a_credit_that_is_on_the_account_once(mesh: Mesh) -> None:
    await _provision(mesh)
    await _slow_minute(mesh, 0)
    messages = await _messages(mesh, CUSTOMERS)
    assert {message.template for message in messages} == {"templates/service-degraded-recovery"}
    assert {message.name.split("/")[1] for message in messages} == {f"c{number}" for number in range(CUSTOMERS)}
    assert all("EUR 5.00" in message.body and "IPTV" in message.body for message in messages)

    async def credited() -> bool:
        return all([await _entries(mesh, number) for number in range(CUSTOMERS)])

    await mesh.until(credited)
    (entry,) = await _entries(mesh, 7)
    assert (entry.kind, entry.amount, entry.source) == (ACCOUNT_ENTRY_KIND_CREDIT, FIVE, "offer-decision")
    decided = {message.decision for message in messages if message.name.split("/")[1] == "c7"}
    assert decided == {entry.reference}

    # The trouble goes on: another window, another breach, the same fault.
    mesh.clock.advance(NOON + timedelta(minutes=10) - mesh.clock.now())
    await _slow_minute(mesh, 10)
    again = await _messages(mesh, 2 * CUSTOMERS)
    assert {message.template for message in again} == {
        "templates/service-degraded",
        "templates/service-degraded-recovery",
    }
    offers = mesh.stub(OfferDecisionServiceStub, "offer-decision")
    request = ListDecisionsRequest(customer="customers/c7")
    later, first = (await offers.ListDecisions(request)).decisions
    assert first.recovery.credit_state == Recovery.CREDIT_STATE_GRANTED
    assert not later.HasField("recovery")
    assert "recovery.already" in [reason.code for reason in later.reasons]
    assert len(await _entries(mesh, 7)) == 1
