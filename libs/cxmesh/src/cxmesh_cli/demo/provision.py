"""What has to be there before the stories begin: plans, customers, policies, campaigns, partners and their promises."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.offer.v1.campaign_pb2 import (
    CAMPAIGN_STATE_RUNNING,
    MESSAGE_PURPOSE_SERVICE,
    MESSAGE_PURPOSE_URGENT_SERVICE,
    TRIGGER_KIND_BILL_HELD,
    TRIGGER_KIND_SERVICE_DEGRADED,
    TRIGGER_KIND_SPEND_THRESHOLD,
    Campaign,
    RecoveryOffer,
)
from cxmesh.offer.v1.offer_decision_service_pb2 import CreateCampaignRequest
from cxmesh.profile.v1.customer_pb2 import (
    CHANNEL_CALL,
    CHANNEL_EMAIL,
    CHANNEL_INBOX,
    LIFE_CYCLE_STATE_ACTIVE,
    LIFE_CYCLE_STATE_FORMER,
    ContactMedium,
    Customer,
    Preferences,
)
from cxmesh.profile.v1.profile_service_pb2 import (
    BatchCreateCustomersRequest,
    BatchCreateSubscriptionsRequest,
    BatchCreateTouchPointsRequest,
    CreateCustomerRequest,
    CreateSubscriptionRequest,
)
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE, SUBSCRIPTION_STATE_ACTIVE, Subscription
from cxmesh.profile.v1.touch_point_pb2 import TouchPoint
from cxmesh.sla.v1.agreement_pb2 import Agreement, Partner, PartnerRole
from cxmesh.sla.v1.value_network_sla_service_pb2 import CreateAgreementRequest, CreatePartnerRequest
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_service_pb2 import CreateSpendPolicyRequest
from cxmesh_cli.demo.bills import money
from cxmesh_cli.demo.calls import BillCycle
from cxmesh_cli.demo.client import TIMEOUT_SECONDS, MeshClient
from cxmesh_cli.demo.plans import PLANS
from cxmesh_cli.demo.subscribers import Subscriber
from cxmesh_cli.demo.viewing import PARTS, SERVICE, WINDOW_SECONDS

SPEND_LIMIT: Final = Decimal(85)
"""US dollars a bill cycle; about one subscriber in a hundred passes it, one in five reaches 80 % of it."""
FAULT_CREDIT: Final = Decimal(2)
"""US dollars for a fault; the partners' penalties are far above what it comes to."""
BATCH: Final = 1000
EFFECTIVE: Final = datetime(2020, 1, 1, tzinfo=UTC)

ItemT = TypeVar("ItemT")


def provision(mesh: MeshClient, subscribers: Sequence[Subscriber], cycle: BillCycle) -> None:
    """Everything, through the services' own methods."""
    create_plans(mesh)
    create_customers(mesh, subscribers, cycle)
    _policy(mesh)
    _campaigns(mesh)
    _partners(mesh)


def create_plans(mesh: MeshClient) -> None:
    """Those of the demo's catalogue."""
    for plan in PLANS:
        resource = Plan(
            display_name=plan.display_name,
            description=plan.description,
            state=PLAN_STATE_ACTIVE,
            tariff_document=plan.tariff_document(),
        )
        mesh.catalog.CreatePlan(
            CreatePlanRequest(plan_id=plan.id, plan=resource, request_id=_new_id()), timeout=TIMEOUT_SECONDS
        )


def create_customers(mesh: MeshClient, subscribers: Sequence[Subscriber], cycle: BillCycle) -> None:
    """Who the subscribers are, what they hold, and that they called customer care."""
    for batch in in_batches(subscribers, BATCH):
        customers = BatchCreateCustomersRequest(requests=[_customer(one) for one in batch], request_id=_new_id())
        mesh.profile.BatchCreateCustomers(customers, timeout=TIMEOUT_SECONDS)
        held = [_subscription(one, cycle) for one in batch]
        mesh.profile.BatchCreateSubscriptions(
            BatchCreateSubscriptionsRequest(requests=held, request_id=_new_id()), timeout=TIMEOUT_SECONDS
        )
    calls = (touch_point for one in subscribers for touch_point in _care_calls(one, cycle))
    for touch_points in in_batches(calls, BATCH):
        mesh.profile.BatchCreateTouchPoints(
            BatchCreateTouchPointsRequest(touch_points=touch_points, request_id=_new_id()), timeout=TIMEOUT_SECONDS
        )


def _customer(subscriber: Subscriber) -> CreateCustomerRequest:
    address = f"c-{subscriber.number:05d}@example.net"
    return CreateCustomerRequest(
        customer_id=_id_of(subscriber.customer),
        customer=Customer(
            display_name=f"Customer {subscriber.number}",
            life_cycle_state=LIFE_CYCLE_STATE_FORMER if subscriber.churned else LIFE_CYCLE_STATE_ACTIVE,
            contact_media=[ContactMedium(channel=CHANNEL_EMAIL, address=address, preferred=True)],
            language_code="en-US",
            time_zone=subscriber.time_zone,
            region_code=f"US-{subscriber.state}",
            preferences=Preferences(channels=[CHANNEL_EMAIL, CHANNEL_INBOX]),
        ),
    )


def _subscription(subscriber: Subscriber, cycle: BillCycle) -> CreateSubscriptionRequest:
    subscription = Subscription(
        customer=subscriber.customer,
        service_type=SERVICE_TYPE_MOBILE,
        plan=subscriber.plan,
        line_identifier=f"1{subscriber.area_code}{subscriber.number:07d}",
        bill_cycle_day=cycle.end.day,
        state=SUBSCRIPTION_STATE_ACTIVE,
    )
    subscription.activate_time.FromDatetime(EFFECTIVE)
    return CreateSubscriptionRequest(subscription_id=_id_of(subscriber.subscription), subscription=subscription)


def _care_calls(subscriber: Subscriber, cycle: BillCycle) -> Iterator[TouchPoint]:
    for number in range(subscriber.care_calls):
        day: date = cycle.start + timedelta(days=(number * 5 + subscriber.number) % len(cycle.days))
        touch_point = TouchPoint(
            name=f"{subscriber.customer}/touchPoints/care-{number + 1}",
            channel=CHANNEL_CALL,
            reason="care.call",
        )
        touch_point.start_time.FromDatetime(datetime.combine(day, time(15), UTC))
        yield touch_point


def _policy(mesh: MeshClient) -> None:
    policy = SpendPolicy(
        display_name="Warn before the bill is a shock", limit=money(SPEND_LIMIT), threshold_percents=[80, 100]
    )
    mesh.usage.CreateSpendPolicy(
        CreateSpendPolicyRequest(spend_policy_id="bill-shock", spend_policy=policy, request_id=_new_id()),
        timeout=TIMEOUT_SECONDS,
    )


def _campaigns(mesh: MeshClient) -> None:
    campaigns = {
        "bill-shock": Campaign(
            display_name="Bill shock: warn, and name the plan that fits",
            trigger=TRIGGER_KIND_SPEND_THRESHOLD,
            purpose=MESSAGE_PURPOSE_SERVICE,
            recommend_plan=True,
            min_saving=money(Decimal(1)),
        ),
        "bill-held": Campaign(
            display_name="Wrong bill: say that it is stopped",
            trigger=TRIGGER_KIND_BILL_HELD,
            purpose=MESSAGE_PURPOSE_SERVICE,
        ),
        "service-degraded": Campaign(
            display_name="Fault: tell before they call, and make up for it",
            trigger=TRIGGER_KIND_SERVICE_DEGRADED,
            purpose=MESSAGE_PURPOSE_URGENT_SERVICE,
            recovery=RecoveryOffer(credit=money(FAULT_CREDIT)),
            max_messages=1,
            window_days=1,
        ),
    }
    for campaign_id, campaign in campaigns.items():
        campaign.state = CAMPAIGN_STATE_RUNNING
        campaign.template = f"templates/{campaign_id}"
        mesh.offers.CreateCampaign(
            CreateCampaignRequest(campaign_id=campaign_id, campaign=campaign, request_id=_new_id()),
            timeout=TIMEOUT_SECONDS,
        )


def _partners(mesh: MeshClient) -> None:
    for part in PARTS:
        partner = Partner(display_name=part.display_name, role=PartnerRole.Value(f"PARTNER_ROLE_{part.role}"))
        mesh.sla.CreatePartner(
            CreatePartnerRequest(partner_id=part.partner, partner=partner, request_id=_new_id()),
            timeout=TIMEOUT_SECONDS,
        )
        agreement = Agreement(
            partner=f"partners/{part.partner}",
            service=SERVICE,
            operation=part.operation,
            latency_budget=Duration(nanos=part.budget_ms * 1_000_000),
            objective_ppm=part.objective_ppm,
            window=Duration(seconds=WINDOW_SECONDS),
            min_visits=20,
            breach_penalty=money(Decimal(part.penalty_usd)),
        )
        agreement.effective_time.FromDatetime(EFFECTIVE)
        mesh.sla.CreateAgreement(
            CreateAgreementRequest(agreement_id=f"{part.partner}-{SERVICE}", agreement=agreement, request_id=_new_id()),
            timeout=TIMEOUT_SECONDS,
        )


def in_batches(items: Sequence[ItemT] | Iterator[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Lists of `size` items, the last one shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _id_of(name: str) -> str:
    return name.partition("/")[2]


def _new_id() -> str:
    return str(uuid.uuid4())
