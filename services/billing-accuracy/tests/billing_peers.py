"""A profile, a catalogue and a usage service that know what a test tells them, over real gRPC and mutual TLS."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
from billing_samples import DOCUMENTS, Account

from cxmesh.catalog.v1 import catalog_service_pb2 as catalog
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceServicer, add_CatalogServiceServicer_to_server
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, PLAN_STATE_RETIRED, Plan
from cxmesh.profile.v1 import profile_service_pb2 as profile
from cxmesh.profile.v1.customer_pb2 import CHANNEL_EMAIL, CHANNEL_SMS, ContactMedium, Customer
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE, PlanPeriod, Subscription
from cxmesh.usage.v1 import limit_service_pb2 as limits
from cxmesh.usage.v1 import usage_service_pb2 as usage
from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceServicer, add_LimitServiceServicer_to_server
from cxmesh.usage.v1.limit_state_pb2 import LimitStop, UnchargedUsage
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_VOICE, UsageColumns
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceServicer, add_UsageServiceServicer_to_server
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles, not_found
from mesh.testkit import Certificates

Context = grpc.aio.ServicerContext[Any, Any]


class _Peer:
    """May be down."""

    def __init__(self) -> None:
        self.address = ""
        self.down = False
        self.asked: list[Any] = []

    async def _take(self, request: Any, context: Context) -> None:
        self.asked.append(request)
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")


class FakeProfile(_Peer, ProfileServiceServicer):
    """Knows subscriptions."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Subscription] = {}
        self.not_told: set[str] = set()
        """Customers of whose subscriptions it doesn't tell."""

    def hold(self, account: Account) -> None:
        """The account's subscription with its plans."""
        held = account.subscription
        periods = []
        for one in held.plan_periods:
            period = PlanPeriod(plan=one.plan)
            period.start_time.FromDatetime(one.start)
            if one.end is not None:
                period.end_time.FromDatetime(one.end)
            periods.append(period)
        customer = account.customer or f"customers/c-{held.name.rpartition('/')[2]}"
        self.known[held.name] = Subscription(
            name=held.name,
            customer=customer,
            plan_periods=periods,
            bill_cycle_day=held.bill_cycle_day,
            time_zone="America/New_York",
            plan=periods[-1].plan if periods else "",
            line_identifier="12125550123",
            service_type=SERVICE_TYPE_MOBILE,
        )

    async def GetCustomer(self, request: profile.GetCustomerRequest, context: Context) -> Customer:
        await self._take(request, context)
        if not any(one.customer == request.name for one in self.known.values()):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such customer")
        media = [
            ContactMedium(channel=CHANNEL_SMS, address="12125550123"),
            ContactMedium(channel=CHANNEL_EMAIL, address="ada@example.org", preferred=True),
        ]
        return Customer(name=request.name, display_name="Ada", contact_media=media, time_zone="America/New_York")

    async def ListSubscriptions(
        self, request: profile.ListSubscriptionsRequest, context: Context
    ) -> profile.ListSubscriptionsResponse:
        await self._take(request, context)
        if request.customer in self.not_told:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not told")
        names = sorted(name for name, one in self.known.items() if one.customer == request.customer)
        rest = [name for name in names if name > request.page_token]
        page = rest[: request.page_size]
        return profile.ListSubscriptionsResponse(
            subscriptions=[self.known[name] for name in page], next_page_token=page[-1] if len(rest) > len(page) else ""
        )

    async def BatchGetSubscriptions(
        self, request: profile.BatchGetSubscriptionsRequest, context: Context
    ) -> profile.BatchGetSubscriptionsResponse:
        await self._take(request, context)
        return profile.BatchGetSubscriptionsResponse(
            subscriptions=[self.known[name] for name in request.names if name in self.known],
            unknown_names=[name for name in request.names if name not in self.known],
        )


class FakeCatalogue(_Peer, CatalogServiceServicer):
    """Knows plans; refuses a batch with one that it does not know, as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Plan] = {}

    def sell(self, name: str, document: str, *, retired: bool = False) -> None:
        """A plan with a tariff, on sale or not any more."""
        digest = hashlib.sha256(document.encode()).hexdigest()
        state = PLAN_STATE_RETIRED if retired else PLAN_STATE_ACTIVE
        self.known[name] = Plan(name=name, state=state, tariff_document=document, tariff_digest=digest)

    async def BatchGetPlans(
        self, request: catalog.BatchGetPlansRequest, context: Context
    ) -> catalog.BatchGetPlansResponse:
        await self._take(request, context)
        unknown = [name for name in request.names if name not in self.known]
        if unknown:
            error = not_found(
                "no", reason="ERROR_REASON_PLAN_NOT_FOUND", domain="catalog", metadata={"plan": unknown[0]}
            )
            await context.abort(error.status, error.message, error.trailing_metadata())
        return catalog.BatchGetPlansResponse(plans=[self.known[name] for name in request.names])

    async def ListPlans(self, request: catalog.ListPlansRequest, context: Context) -> catalog.ListPlansResponse:
        await self._take(request, context)
        names = sorted(name for name, plan in self.known.items() if plan.state == request.state)
        rest = [name for name in names if name > request.page_token]
        page = rest[: request.page_size]
        return catalog.ListPlansResponse(
            plans=[self.known[name] for name in page], next_page_token=page[-1] if len(rest) > len(page) else ""
        )


class FakeUsage(_Peer, UsageServiceServicer, LimitServiceServicer):
    """Stores calls; sends those of two subscriptions a part, and what isn't charged one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, list[tuple[int, int, str]]] = {}
        self.uncharged: dict[str, list[UnchargedUsage]] = {}
        self.values: dict[tuple[str, datetime], tuple[int, str]] = {}
        """Records' own prices in micro-units, and their currencies, by subscription and start."""
        self.breaks_off = False
        self.sources: dict[str, str] = {}
        """By subscription, of its records."""

    def store(self, account: Account) -> None:
        """The account's calls."""
        rows = [(_micros(account.start + call.at), call.seconds, call.destination) for call in account.calls]
        self.stored[account.name] = sorted(rows)

    async def ExportUsage(
        self, request: usage.ExportUsageRequest, context: Context
    ) -> AsyncIterator[usage.ExportUsageResponse]:
        await self._take(request, context)
        start = _micros(request.interval.start_time.ToDatetime(UTC))
        end = _micros(request.interval.end_time.ToDatetime(UTC))
        for first in range(0, len(request.subscriptions), 2):
            columns = UsageColumns()
            for name in request.subscriptions[first : first + 2]:
                rows = [row for row in self.stored.get(name, []) if start <= row[0] < end]
                _append(columns, name, rows)
                self._append_values(columns, name, [start for start, _, _ in rows])
                if request.include_record_ids:
                    columns.sources.append(self.sources.get(name, "switch"))
                    columns.source_index.extend([len(columns.sources) - 1] * len(rows))
                    columns.record_id.extend(f"{name[14:]}-{number}" for number, _ in enumerate(rows))
            yield usage.ExportUsageResponse(columns=columns)
            if self.breaks_off:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "broke off")

    def _append_values(self, columns: UsageColumns, name: str, starts: Sequence[int]) -> None:
        by_start = {_micros(start): value for (whose, start), value in self.values.items() if whose == name}
        if not by_start and not columns.value_micros:
            return
        missing = len(columns.quantity) - len(starts) - len(columns.value_micros)
        for micros, currency in [(0, "")] * missing + [by_start.get(start, (0, "")) for start in starts]:
            columns.value_micros.append(micros)
            if currency not in columns.value_currencies:
                columns.value_currencies.append(currency)
            columns.value_currency_index.append(list(columns.value_currencies).index(currency))

    async def ListStops(self, request: limits.ListStopsRequest, context: Context) -> limits.ListStopsResponse:
        stopped = [name for name in request.subscriptions if name in self.uncharged]
        return limits.ListStopsResponse(
            limit_stops=[LimitStop(spending_limit=f"{name}/spendingLimits/roaming") for name in stopped]
        )

    async def ListUnchargedUsage(
        self, request: limits.ListUnchargedUsageRequest, context: Context
    ) -> limits.ListUnchargedUsageResponse:
        start, end = (getattr(request.interval, f"{edge}_time").ToDatetime(UTC) for edge in ("start", "end"))
        found = [one for one in self.uncharged[request.parent] if start <= one.start_time.ToDatetime(UTC) < end]
        first = int(request.page_token or 0)
        token = str(first + 1) if first + 1 < len(found) else ""
        return limits.ListUnchargedUsageResponse(uncharged_usages=found[first : first + 1], next_page_token=token)


def _add_usage(fake: FakeUsage, server: grpc.aio.Server) -> None:
    add_UsageServiceServicer_to_server(fake, server)
    add_LimitServiceServicer_to_server(fake, server)


def _append(columns: UsageColumns, name: str, rows: list[tuple[int, int, str]]) -> None:
    if not rows:
        return
    columns.subscriptions.append(name)
    if not columns.visited_networks:
        columns.visited_networks.append("")
    for micros, seconds, destination in rows:
        columns.subscription_index.append(len(columns.subscriptions) - 1)
        columns.usage_type.append(USAGE_TYPE_VOICE)
        columns.start_time_micros.append(micros)
        columns.quantity.append(seconds)
        if destination not in columns.destinations:
            columns.destinations.append(destination)
        columns.destination_index.append(list(columns.destinations).index(destination))
        columns.visited_network_index.append(0)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


class Peers:
    """The three of them."""

    def __init__(self) -> None:
        self.profile, self.catalogue, self.usage = FakeProfile(), FakeCatalogue(), FakeUsage()
        for name, document in DOCUMENTS.items():
            self.catalogue.sell(name, document)

    def hold(self, account: Account) -> Account:
        """Known to the profile, its calls stored."""
        self.profile.hold(account)
        self.usage.store(account)
        return account

    @property
    def all(self) -> tuple[_Peer, ...]:
        return self.profile, self.catalogue, self.usage

    @property
    def addresses(self) -> dict[str, str]:
        """As settings of the service."""
        return {
            "profile_address": self.profile.address,
            "offer_decision_address": self.catalogue.address,
            "usage_correlation_address": self.usage.address,
        }


@asynccontextmanager
async def peers(certificates: Certificates) -> AsyncIterator[Peers]:
    """Running, each with its own certificate; callers must show one."""
    found = Peers()
    servers = []
    for name, fake, add in (
        ("profile", found.profile, add_ProfileServiceServicer_to_server),
        ("offer-decision", found.catalogue, add_CatalogServiceServicer_to_server),
        ("usage-correlation", found.usage, _add_usage),
    ):
        issued = certificates.issue(f"service/{name}")
        followed = FollowedCertificates(TlsFiles(issued.certificate, issued.key, issued.ca))
        server = grpc.aio.server()
        add(fake, server)  # type: ignore[operator]  # each `add` takes its own fake
        fake.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', followed.server_credentials())}"
        await server.start()
        servers.append(server)
    try:
        yield found
    finally:
        for server in servers:
            await server.stop(None)
