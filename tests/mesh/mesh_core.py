"""What takes usage from a record to a decision, and what became of the usage that a test sent?"""

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, LiteralString, cast

from mesh_tables import Database
from psycopg import sql

from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.offer.v1.campaign_pb2 import (
    CAMPAIGN_STATE_RUNNING,
    MESSAGE_PURPOSE_SERVICE,
    TRIGGER_KIND_SPEND_THRESHOLD,
    Campaign,
)
from cxmesh.offer.v1.events_pb2 import DecisionMade
from cxmesh.offer.v1.offer_decision_service_pb2 import CreateCampaignRequest
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceStub
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_record_pb2 import UsageColumns, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import CreateSpendPolicyRequest, ExportUsageRequest, GetUsageSummaryRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.demo import bill_shock, provision
from cxmesh_cli.demo.bills import money
from cxmesh_cli.demo.calls import BillCycle, expand
from cxmesh_cli.demo.client import MeshClient
from cxmesh_cli.demo.subscribers import Subscriber
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.stores import running_database_url, running_redis_url
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.streams import read_streams
from cxmesh_cli.topology import find_service

SERVICES = ("profile", "usage-correlation", "offer-decision")
"""Whose usage it is, what it comes to, and what it costs and what is done about it."""

SPEND_LIMITS = (10, 20, 30, 40, 50, 60, 70)
"""US dollars; most subscribers spend 50 to 70. A policy each: of several thresholds of one policy, the highest that a
batch reaches is signalled alone, so that the order of batches would decide which signals there are."""

RecordKey = tuple[str, str, str]
"""Subscription, source, record id."""
Counters = dict[tuple[str, str], tuple[int, int]]
"""By subscription and charge code: records and seconds."""


@dataclass(frozen=True)
class Core:
    """A running instance of SERVICES."""

    home: Home
    cycle: BillCycle
    mesh: MeshClient
    """Those of its stubs that there are services for."""
    database: Database

    def records(self, subscribers: Sequence[Subscriber]) -> list[UsageRecord]:
        """The subscribers' usage of the cycle, about 300 records each, in the order of arrival."""
        calls = expand(subscribers, self.cycle).in_order_of_arrival()
        return [record for request in bill_shock.usage_requests(subscribers, calls) for record in request.records]

    def counted(self, subscribers: Sequence[Subscriber]) -> Counters:
        """What the counters say."""
        found: Counters = {}
        for one in subscribers:
            request = GetUsageSummaryRequest(name=f"{one.subscription}/usageSummary")
            for line in self.mesh.usage.GetUsageSummary(request, timeout=10).lines:
                found[one.subscription, line.charge_code] = (line.record_count, line.quantity)
        return found

    def stored(self, subscribers: Sequence[Subscriber]) -> dict[RecordKey, int]:
        """Seconds of each stored record; fails when one is stored twice."""
        request = ExportUsageRequest(subscriptions=[one.subscription for one in subscribers], include_record_ids=True)
        request.interval.start_time.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))
        request.interval.end_time.FromDatetime(datetime.now(UTC))
        rows = [row for part in self.mesh.usage.ExportUsage(request, timeout=30) for row in _rows(part.columns)]
        found = dict(rows)
        assert len(found) == len(rows)
        return found

    def signals(self, subscribers: Sequence[Subscriber]) -> set[str]:
        """Names of the subscribers' signals; fails when one is there twice."""
        theirs = {one.subscription for one in subscribers}
        names = [signal.name for signal in bill_shock.all_signals(self.mesh) if signal.subscription in theirs]
        assert len(names) == len(set(names))
        return set(names)

    def decided(self) -> list[str]:
        """Which signals decisions were made on, one name for each decision."""
        return [decision.trigger.resource for decision in bill_shock.all_decisions(self.mesh)]

    def announced(self) -> list[str]:
        """Which signals' decisions were announced to other services, one name for each announcement."""
        rows = self.ask("SELECT data FROM offer.outbox WHERE type = %s", DecisionMade.DESCRIPTOR.full_name)
        return [DecisionMade.FromString(data).decision.trigger.resource for (data,) in rows]

    def is_at_rest(self) -> bool:
        """Whether Redis has every event of usage-correlation, and its readers are through with them."""
        [(events,)] = self.ask("SELECT count(*) FROM usage.outbox")
        streams = asyncio.run(read_streams(running_redis_url(self.home)))
        return any(status.stream.topic == "usage" and status.entries >= events for status in streams) and not any(
            group.waiting or group.pending for status in streams for group in status.groups
        )

    def slow_down(self, seconds: float) -> None:
        """From now on, storing a batch takes this much longer: what is to die in the middle of it does."""
        # DDL takes no parameters; a float is no text that could break out.
        self.database.do(
            "CREATE FUNCTION public.pause() RETURNS trigger LANGUAGE plpgsql AS "  # type: ignore[arg-type]  # as said
            f"'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END'"
        )
        self.database.do(
            "CREATE TRIGGER pause AFTER INSERT ON usage.usage_record_key "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.pause()"
        )

    def count(self, table: str) -> int:
        """Rows in a table of usage-correlation."""
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("usage", table))
        return int(self.database.rows(query)[0][0])

    def ask(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the instance's database; Any: of the query's types."""
        return self.database.rows(query, values)


@contextmanager
def core_of(home: Home, subscribers: Sequence[Subscriber]) -> Iterator[Core]:
    """Plans, customers, policies and a campaign, then calls as the operator."""
    with ExitStack() as stack:
        channels = {name: stack.enter_context(channel_to(home, find_service(name))) for name in SERVICES}
        stubs = SimpleNamespace(
            profile=ProfileServiceStub(channels["profile"]),
            usage=UsageServiceStub(channels["usage-correlation"]),
            catalog=CatalogServiceStub(channels["offer-decision"]),
            offers=OfferDecisionServiceStub(channels["offer-decision"]),
        )
        database = stack.enter_context(Database(running_database_url(home)))
        core = Core(home, BillCycle.open_on(datetime.now(UTC).date()), cast("MeshClient", stubs), database)
        provision.create_plans(core.mesh)
        provision.create_customers(core.mesh, subscribers, core.cycle)
        _policies(core.mesh)
        _campaign(core.mesh)
        yield core


def in_file(subscribers: Iterable[Subscriber]) -> Counters:
    """What the source file says that they used."""
    return {
        (one.subscription, band.value): (usage.calls, usage.seconds)
        for one in subscribers
        for band, usage in one.usage.items()
        if usage.calls
    }


def keyed(records: Iterable[UsageRecord]) -> dict[RecordKey, int]:
    """Seconds of each record."""
    return {(record.subscription, record.source, record.record_id): record.quantity for record in records}


def summed(records: Iterable[UsageRecord]) -> Counters:
    """What counters should say of these records; their ids tell the band."""
    found: Counters = {}
    for record in records:
        key = (record.subscription, f"voice.{record.record_id.split('-')[1]}")
        count, seconds = found.get(key, (0, 0))
        found[key] = (count + 1, seconds + record.quantity)
    return found


def _policies(mesh: MeshClient) -> None:
    for limit in SPEND_LIMITS:
        policy = SpendPolicy(display_name=f"{limit} dollars", limit=money(Decimal(limit)), threshold_percents=[100])
        mesh.usage.CreateSpendPolicy(
            CreateSpendPolicyRequest(spend_policy_id=f"at-{limit}", spend_policy=policy, request_id=str(uuid.uuid4())),
            timeout=10,
        )


def _campaign(mesh: MeshClient) -> None:
    """It recommends no plan, so that it asks the profile alone."""
    campaign = Campaign(
        display_name="Bill shock",
        state=CAMPAIGN_STATE_RUNNING,
        trigger=TRIGGER_KIND_SPEND_THRESHOLD,
        purpose=MESSAGE_PURPOSE_SERVICE,
        template="templates/bill-shock",
    )
    mesh.offers.CreateCampaign(
        CreateCampaignRequest(campaign_id="bill-shock", campaign=campaign, request_id=str(uuid.uuid4())), timeout=10
    )


def _rows(columns: UsageColumns) -> Iterator[tuple[RecordKey, int]]:
    rows = zip(columns.subscription_index, columns.source_index, columns.record_id, columns.quantity, strict=True)
    for subscription, source, record_id, quantity in rows:
        yield (columns.subscriptions[subscription], columns.sources[source], record_id), quantity
