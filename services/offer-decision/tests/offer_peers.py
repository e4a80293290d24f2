"""A profile, a usage, a billing and an SLA service that know what a test tells them, over real gRPC and mutual TLS."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.type.money_pb2 import Money

from cxmesh.billing.v1 import account_service_pb2 as accounts
from cxmesh.billing.v1 import bill_check_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as billing
from cxmesh.billing.v1.account_entry_pb2 import AccountEntry
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceServicer, add_AccountServiceServicer_to_server
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import (
    BillingAccuracyServiceServicer,
    add_BillingAccuracyServiceServicer_to_server,
)
from cxmesh.profile.v1 import profile_service_pb2 as profile
from cxmesh.profile.v1.customer_pb2 import Consent, Customer
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from cxmesh.profile.v1.subscription_pb2 import SUBSCRIPTION_STATE_ACTIVE, Subscription
from cxmesh.sla.v1 import value_network_sla_service_pb2 as sla
from cxmesh.sla.v1.attainment_pb2 import Breach
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import (
    ValueNetworkSlaServiceServicer,
    add_ValueNetworkSlaServiceServicer_to_server,
)
from cxmesh.usage.v1 import usage_service_pb2 as usage
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceServicer, add_UsageServiceServicer_to_server
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import RpcError, TlsFiles, not_found
from mesh.testkit import Certificates

Context = grpc.aio.ServicerContext[Any, Any]


class Fake:
    """A service that can be away, and counts what it is asked."""

    def __init__(self) -> None:
        self.address = ""
        self.fails: grpc.StatusCode | None = None
        self.asked: Counter[str] = Counter()

    async def note(self, about: str, context: Context) -> None:
        self.asked[about] += 1
        if self.fails is not None:
            await context.abort(self.fails, "as the test wants it")


class FakeProfile(Fake, ProfileServiceServicer):
    """Knows customers."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Customer] = {}
        self.held: dict[str, list[Subscription]] = {}
        self.most_in_a_page = 1000

    def know(self, name: str, *consents: Consent, zone: str = "America/New_York") -> str:
        self.known[name] = Customer(name=name, time_zone=zone, consents=consents)
        return name

    def hold(self, customer: str, name: str, service_type: int, state: int = SUBSCRIPTION_STATE_ACTIVE) -> None:
        one = Subscription(name=name, customer=customer, service_type=service_type, state=state)
        self.held.setdefault(customer, []).append(one)

    async def ListSubscriptions(
        self, request: profile.ListSubscriptionsRequest, context: Context
    ) -> profile.ListSubscriptionsResponse:
        await self.note(f"subscriptions of {request.customer}", context)
        held, first = self.held.get(request.customer, []), int(request.page_token or 0)
        last = first + min(request.page_size, self.most_in_a_page)
        more = str(last) if last < len(held) else ""
        return profile.ListSubscriptionsResponse(subscriptions=held[first:last], next_page_token=more)

    async def BatchGetCustomers(
        self, request: profile.BatchGetCustomersRequest, context: Context
    ) -> profile.BatchGetCustomersResponse:
        await self.note(",".join(request.names), context)
        for name in request.names:
            if name not in self.known:
                await _abort(context, not_found(
                    f"there is no {name}",
                    reason="ERROR_REASON_CUSTOMER_NOT_FOUND",
                    domain="profile.cxmesh",
                    metadata={"customer": name},
                ))  # fmt: skip
        return profile.BatchGetCustomersResponse(customers=[self.known[name] for name in request.names])


class FakeUsage(Fake, UsageServiceServicer):
    """Knows what usage costs."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[usage.ComparePlansRequest] = []
        self.costs: dict[str, Money] = {}
        """By plan; the first is in force. The same for every subscription."""

    async def ComparePlans(self, request: usage.ComparePlansRequest, context: Context) -> usage.ComparePlansResponse:
        await self.note(request.subscription, context)
        self.requests.append(request)
        costs = [usage.PlanCost(plan=plan, total=total) for plan, total in self.costs.items()]
        return usage.ComparePlansResponse(current_plan=next(iter(self.costs), ""), costs=costs)


class FakeBilling(Fake, BillingAccuracyServiceServicer, AccountServiceServicer):
    """Knows bills that are held, and keeps what accounts are credited."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, list[str]] = {}
        self.answered_calls = 0
        self.entries: list[AccountEntry] = []
        self.refuses: set[str] = set()
        """Subscriptions that it knows nothing of."""

    async def RecordAccountEntries(
        self, request: accounts.RecordAccountEntriesRequest, context: Context
    ) -> accounts.RecordAccountEntriesResponse:
        await self.note("entries", context)
        self.answered_calls += 1
        known = {(one.source, one.entry_id) for one in self.entries}
        answer = accounts.RecordAccountEntriesResponse()
        for place, entry in enumerate(request.entries):
            if entry.subscription in self.refuses:
                answer.rejections.add(index=place, reason=1, field="subscription", description="nobody knows it")
            elif (entry.source, entry.entry_id) in known:
                answer.duplicate_count += 1
            else:
                self.entries.append(entry)
                answer.accepted_count += 1
        return answer

    async def ListBillChecks(
        self, request: billing.ListBillChecksRequest, context: Context
    ) -> billing.ListBillChecksResponse:
        await self.note(request.customer, context)
        held = self.held.get(request.customer, []) if request.hold_state == bill_check_pb2.HOLD_STATE_HELD else []
        shown = held[: request.page_size or 50]
        return billing.ListBillChecksResponse(bill_checks=[bill_check_pb2.BillCheck(name=name) for name in shown])


class FakeNetwork(Fake, ValueNetworkSlaServiceServicer):
    """Knows breaches."""

    def __init__(self) -> None:
        super().__init__()
        self.breaches: dict[str, list[str]] = {}

    async def ListCustomerBreaches(
        self, request: sla.ListCustomerBreachesRequest, context: Context
    ) -> sla.ListCustomerBreachesResponse:
        await self.note(request.customer, context)
        found = self.breaches.get(request.customer, [])
        return sla.ListCustomerBreachesResponse(breaches=[Breach(name=name) for name in found])


def _add_billing(fake: Any, server: grpc.aio.Server) -> None:
    add_BillingAccuracyServiceServicer_to_server(fake, server)
    add_AccountServiceServicer_to_server(fake, server)


@dataclass(frozen=True)
class Peers:
    """All that are asked."""

    profile: FakeProfile
    usage: FakeUsage
    billing: FakeBilling
    network: FakeNetwork

    def settings(self) -> dict[str, str]:
        """Where they are, as the service's settings."""
        return {
            "profile_address": self.profile.address,
            "usage_correlation_address": self.usage.address,
            "billing_accuracy_address": self.billing.address,
            "value_network_sla_address": self.network.address,
        }

    def reset(self) -> None:
        """Know nothing, and be there."""
        for fake in (self.profile, self.usage, self.billing, self.network):
            address = fake.address
            fake.__init__()  # type: ignore[misc]  # that is what is meant
            fake.address = address


@asynccontextmanager
async def serving_peers(certificates: Certificates) -> AsyncIterator[Peers]:
    """All four, running."""
    peers = Peers(FakeProfile(), FakeUsage(), FakeBilling(), FakeNetwork())
    adders: list[tuple[str, Fake, Callable[[Any, grpc.aio.Server], None]]] = [
        ("profile", peers.profile, add_ProfileServiceServicer_to_server),
        ("usage-correlation", peers.usage, add_UsageServiceServicer_to_server),
        ("billing-accuracy", peers.billing, _add_billing),
        ("value-network-sla", peers.network, add_ValueNetworkSlaServiceServicer_to_server),
    ]
    servers = []
    try:
        for name, fake, add in adders:
            issued = certificates.issue(f"service/{name}")
            followed = FollowedCertificates(TlsFiles(issued.certificate, issued.key, issued.ca))
            server = grpc.aio.server()
            add(fake, server)
            fake.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', followed.server_credentials())}"
            await server.start()
            servers.append(server)
        yield peers
    finally:
        for server in servers:
            await server.stop(None)


async def _abort(context: Context, error: RpcError) -> None:
    await context.abort(error.status, error.message, error.trailing_metadata())
