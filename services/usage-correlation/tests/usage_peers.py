"""A profile and a catalogue that know what a test tells them, over real gRPC and mutual TLS."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
from usage_samples import fresh, tariff_document

from cxmesh.catalog.v1 import catalog_service_pb2 as catalog
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceServicer, add_CatalogServiceServicer_to_server
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan, PlanState
from cxmesh.profile.v1 import profile_service_pb2 as profile
from cxmesh.profile.v1.customer_pb2 import CONSENT_PURPOSE_LOCATION, ConsentPurpose, Customer
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE, PlanPeriod, Subscription
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles
from mesh.testkit import Certificates

ACTIVATED = datetime(2020, 1, 1, tzinfo=UTC)
Context = grpc.aio.ServicerContext[Any, Any]


class FakeProfile(ProfileServiceServicer):
    """Knows subscriptions."""

    def __init__(self) -> None:
        self.address = ""
        self.known: dict[str, Subscription] = {}
        self.customers: dict[str, Customer] = {}
        self.asked: list[list[str]] = []
        self.down = False

    def hold(
        self,
        plan: str = "standard",
        *,
        day: int = 1,
        zone: str = "America/New_York",
        activated: datetime = ACTIVATED,
        name: str | None = None,
        customer: str | None = None,
    ) -> str:
        """A new subscription's id."""
        name = name or fresh("s")
        held = Subscription(
            name=f"subscriptions/{name}",
            customer=f"customers/{customer or f'c-{name}'}",
            service_type=SERVICE_TYPE_MOBILE,
            plan=f"plans/{plan}",
            line_identifier="12125550199",
            bill_cycle_day=day,
            time_zone=zone,
        )
        held.activate_time.FromDatetime(activated)
        held.plan_periods.append(_period(plan, activated))
        self.known[held.name] = held
        return name

    def change_plan(self, name: str, plan: str, when: datetime) -> None:
        """From `when` on another plan is in force."""
        held = self.known[f"subscriptions/{name}"]
        held.plan = f"plans/{plan}"
        held.plan_periods[-1].end_time.FromDatetime(when)
        held.plan_periods.append(_period(plan, when))

    async def BatchGetSubscriptions(
        self, request: profile.BatchGetSubscriptionsRequest, context: Context
    ) -> profile.BatchGetSubscriptionsResponse:
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        self.asked.append(list(request.names))
        return profile.BatchGetSubscriptionsResponse(
            subscriptions=[self.known[name] for name in request.names if name in self.known],
            unknown_names=[name for name in request.names if name not in self.known],
        )

    async def BatchGetCustomers(
        self, request: profile.BatchGetCustomersRequest, context: Context
    ) -> profile.BatchGetCustomersResponse:
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        return profile.BatchGetCustomersResponse(customers=[self.customer(name) for name in request.names])

    def customer(self, name: str) -> Customer:
        """A customer, who consents to nothing until a test says so."""
        return self.customers.setdefault(name, Customer(name=name, time_zone="America/New_York"))

    def consent(
        self, name: str, *, granted: bool = True, purpose: ConsentPurpose.ValueType = CONSENT_PURPOSE_LOCATION
    ) -> None:
        """The holder of a subscription says so, at last."""
        consents = self.customer(f"customers/c-{name}").consents
        consent = consents.add(purpose=purpose, granted=granted)
        consent.time.seconds = len(consents)

    async def ListSubscriptions(
        self, request: profile.ListSubscriptionsRequest, context: Context
    ) -> profile.ListSubscriptionsResponse:
        held = sorted(name for name, each in self.known.items() if each.customer == request.customer)
        rest = [name for name in held if name > request.page_token]
        page = rest[: request.page_size]
        return profile.ListSubscriptionsResponse(
            subscriptions=[self.known[name] for name in page], next_page_token=page[-1] if len(rest) > len(page) else ""
        )


class FakeCatalogue(CatalogServiceServicer):
    """Knows plans."""

    def __init__(self) -> None:
        self.address = ""
        self.known: dict[str, Plan] = {}
        self.asked: list[str] = []
        self.down = False

    def sell(self, plan: str, document: str | None = None, state: PlanState.ValueType = PLAN_STATE_ACTIVE) -> str:
        """A plan with a tariff."""
        text = tariff_document(plan) if document is None else document
        digest = hashlib.sha256(text.encode()).hexdigest()
        name = f"plans/{plan}"
        self.known[name] = Plan(name=name, display_name=plan, state=state, tariff_document=text, tariff_digest=digest)
        return plan

    async def GetPlan(self, request: catalog.GetPlanRequest, context: Context) -> Plan:
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        self.asked.append(request.name)
        if request.name not in self.known:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such plan")
        return self.known[request.name]

    async def ListPlans(self, request: catalog.ListPlansRequest, context: Context) -> catalog.ListPlansResponse:
        names = sorted(name for name, plan in self.known.items() if plan.state == request.state)
        rest = [name for name in names if name > request.page_token]
        page = rest[: request.page_size]
        return catalog.ListPlansResponse(
            plans=[self.known[name] for name in page], next_page_token=page[-1] if len(rest) > len(page) else ""
        )


@asynccontextmanager
async def peers(certificates: Certificates) -> AsyncIterator[tuple[FakeProfile, FakeCatalogue]]:
    """Both, running."""
    fake_profile, fake_catalogue = FakeProfile(), FakeCatalogue()
    servers = []
    for name, fake, add in (
        ("profile", fake_profile, add_ProfileServiceServicer_to_server),
        ("offer-decision", fake_catalogue, add_CatalogServiceServicer_to_server),
    ):
        issued = certificates.issue(f"service/{name}")
        followed = FollowedCertificates(TlsFiles(issued.certificate, issued.key, issued.ca))
        server = grpc.aio.server()
        add(fake, server)  # type: ignore[operator]  # each `add` takes its own fake
        port = server.add_secure_port("127.0.0.1:0", followed.server_credentials())
        fake.address = f"127.0.0.1:{port}"
        await server.start()
        servers.append(server)
    fake_catalogue.sell("standard")
    try:
        yield fake_profile, fake_catalogue
    finally:
        for server in servers:
            await server.stop(None)


def _period(plan: str, start: datetime) -> PlanPeriod:
    period = PlanPeriod(plan=f"plans/{plan}")
    period.start_time.FromDatetime(start)
    return period
