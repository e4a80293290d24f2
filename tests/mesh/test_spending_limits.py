"""Does a traveller hear of the limit in time, is charged no more without consent, and can all of it be shown?"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from google.type.money_pb2 import Money

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.profile.v1 import customer_pb2
from cxmesh.profile.v1.profile_service_pb2 import CreateCustomerRequest, CreateSubscriptionRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE, SUBSCRIPTION_STATE_ACTIVE, Subscription
from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceStub
from cxmesh.usage.v1.limit_state_pb2 import LIMIT_STATE_CONSENTED, LIMIT_STATE_STOPPED, LimitEvent, LimitEventKind
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import GetUsageSummaryRequest, RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.instance.home import Home
from cxmesh_cli.mailbox import Mail, read_mailbox
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service

if TYPE_CHECKING:
    import grpc

pytestmark = pytest.mark.mesh

LIMIT = "subscriptions/t-1/spendingLimits/eu-data-roaming"
PATIENCE_SECONDS = 30.0
TARIFF = """
format: cxmesh-tariff/1
id: roamer
name: Roamer
currency: EUR
time_zone: Europe/Berlin
home_networks: ["262"]
versions:
  - from: "2020-01-01"
    zones: [{id: anywhere, default: true}]
    roaming_zones: [{id: abroad, default: true}]
    rates:
      - {line: data, service: data, price: "0.01", per: megabyte}
      - {line: data.abroad, service: data, roaming: abroad, price: "2.50", per: megabyte}
"""


class Story:
    """A traveller, and what the operator's systems do about it."""

    def __init__(self, home: Home, usage: grpc.Channel) -> None:
        self._home = home
        self._usage = UsageServiceStub(usage)
        self.limits = LimitServiceStub(usage)

    def use(self, *megabytes: int) -> None:
        """Data in France, now."""
        records = [
            UsageRecord(
                source="visited",
                record_id=str(uuid.uuid4()),
                subscription="subscriptions/t-1",
                usage_type=USAGE_TYPE_DATA,
                quantity=each * 1_000_000,
                visited_network="20801",
            )
            for each in megabytes
        ]
        for number, record in enumerate(records):
            record.start_time.FromDatetime(datetime.now(UTC) + timedelta(milliseconds=number))
        answer = self._usage.RecordUsage(RecordUsageRequest(records=records), timeout=10)
        assert answer.accepted_count == len(records), answer

    def charged(self) -> tuple[int, int]:
        """Units and billionths of the bill cycle's total."""
        request = GetUsageSummaryRequest(name="subscriptions/t-1/usageSummary")
        total = self._usage.GetUsageSummary(request, timeout=10).total
        return total.units, total.nanos

    def events(self) -> list[LimitEvent]:
        """Oldest first."""
        request = pb.ListLimitEventsRequest(parent="subscriptions/t-1", page_size=1000)
        return list(self.limits.ListLimitEvents(request, timeout=10).limit_events)

    def delivered(self) -> list[str]:
        """Signals with proof of notice."""
        delivered = LimitEventKind.LIMIT_EVENT_KIND_MESSAGE_DELIVERED
        return [event.signal for event in self.events() if event.kind == delivered]

    def mails(self) -> list[Mail]:
        """What the traveller got."""
        return read_mailbox(self._home.mail, "t-1@example.net")


@pytest.fixture(scope="module")
def story(start_instance: Callable[..., Home]) -> Iterator[Story]:
    """Nobody has made a policy, a campaign or a template: what the law demands is there."""
    home = start_instance("profile", "usage-correlation", "offer-decision", "notification")
    with (
        channel_to(home, find_service("profile")) as profile,
        channel_to(home, find_service("offer-decision")) as offer,
        channel_to(home, find_service("usage-correlation")) as usage,
    ):
        plan = Plan(display_name="Roamer", state=PLAN_STATE_ACTIVE, tariff_document=TARIFF)
        CatalogServiceStub(offer).CreatePlan(CreatePlanRequest(plan_id="roamer", plan=plan), timeout=10)
        _hold(ProfileServiceStub(profile))
        yield Story(home, usage)


def _hold(profile: ProfileServiceStub) -> None:
    """A customer who sleeps, and speaks German."""
    quiet = customer_pb2.Preferences()
    quiet.quiet_hours_start.hours, quiet.quiet_hours_end.hours = 0, 23
    quiet.quiet_hours_end.minutes = 59
    medium = customer_pb2.ContactMedium(channel=customer_pb2.CHANNEL_EMAIL, address="t-1@example.net", preferred=True)
    customer = customer_pb2.Customer(
        display_name="Ada",
        contact_media=[medium],
        language_code="de",
        time_zone="Europe/Berlin",
        preferences=quiet,
    )
    profile.CreateCustomer(CreateCustomerRequest(customer_id="c-1", customer=customer), timeout=10)
    held = Subscription(
        customer="customers/c-1",
        service_type=SERVICE_TYPE_MOBILE,
        plan="plans/roamer",
        bill_cycle_day=1,
        state=SUBSCRIPTION_STATE_ACTIVE,
    )
    held.activate_time.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))
    profile.CreateSubscription(CreateSubscriptionRequest(subscription_id="t-1", subscription=held), timeout=10)


def _until(happened: Callable[[], bool]) -> None:
    ends = monotonic() + PATIENCE_SECONDS
    while not happened():
        assert monotonic() < ends, "it did not happen"
        sleep(0.1)


def test_from_the_first_notice_to_the_consent_with_proofs(story: Story):
    story.use(10, 8)
    _until(lambda: len(story.delivered()) == 1)
    (near,) = story.mails()
    assert "80 %" in near.subject
    assert "EUR 45.00 von Ihrem Limit von EUR 50.00" in near.text

    story.use(10)
    assert story.charged() == (50, 0)
    assert story.limits.GetSpendingLimit(pb.GetSpendingLimitRequest(name=LIMIT)).state == LIMIT_STATE_STOPPED
    stops = story.limits.CheckStops(pb.CheckStopsRequest(subscriptions=["subscriptions/t-1"])).limit_stops
    assert [stop.spending_limit for stop in stops] == [LIMIT]
    _until(lambda: len(story.delivered()) == 2)
    stopped = story.mails()[-1]
    for said in ("EUR 2.50", "1 MB", "EUR 100.00", "/spending-limits?subscription=t-1&policy=eu-data-roaming"):
        assert said in stopped.text

    message = next(event.message for event in reversed(story.events()) if event.message)
    act = pb.CustomerAct(customer="customers/c-1", channel=customer_pb2.CHANNEL_WEB, wording=message)
    price = Money(currency_code="EUR", units=2, nanos=500_000_000)
    request = pb.GiveConsentRequest(name=LIMIT, act=act, shown_price=price, request_id=str(uuid.uuid4()))
    opened = story.limits.GiveConsent(request, timeout=10)
    assert (opened.state, opened.limit.units) == (LIMIT_STATE_CONSENTED, 100)
    assert not story.limits.CheckStops(pb.CheckStopsRequest(subscriptions=["subscriptions/t-1"])).limit_stops

    story.use(4)
    assert story.charged() == (60, 0)

    record = story.limits.ExportLimitRecord(pb.ExportLimitRecordRequest(name="subscriptions/t-1"))
    kinds = [LimitEventKind.Name(event.kind).removeprefix("LIMIT_EVENT_KIND_") for event in record.limit_events]
    for kind in ("NOTICED", "STOPPED", "CONSENTED"):
        assert kinds.count(kind) == 1
    told = {event.signal for event in record.limit_events if event.kind <= LimitEventKind.LIMIT_EVENT_KIND_STOPPED}
    assert told == set(story.delivered())
    (consent,) = [e for e in record.limit_events if e.kind == LimitEventKind.LIMIT_EVENT_KIND_CONSENTED]
    assert (consent.actor.wording, consent.consent_terms.price.units) == (message, 2)
