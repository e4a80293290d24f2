"""What each call answers to what it cannot serve."""

import uuid

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from customer_profile.server.authorization import SERVICE
from cxmesh.profile.v1 import customer_pb2, profile_service_pb2, subscription_pb2, touch_point_pb2
from cxmesh.profile.v1 import profile_service_pb2 as pb
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.rpc import error_from
from mesh.testkit.serving import ServiceUnderTest

CALLERS = {
    "GetCustomer": {"notification", "billing-accuracy"},
    "BatchGetCustomers": {"notification", "offer-decision", "usage-correlation"},
    "GetSubscription": {"usage-correlation", "offer-decision"},
    "BatchGetSubscriptions": {"usage-correlation", "billing-accuracy"},
    "GetCustomerView": {"offer-decision"},
    "ListSubscriptions": {"usage-correlation", "billing-accuracy", "offer-decision"},
}
"""Beside the operator, who may call everything."""
OTHERS = ("usage-correlation", "billing-accuracy", "offer-decision", "notification", "value-network-sla")
METHODS = [each.name for each in profile_service_pb2.DESCRIPTOR.services_by_name["ProfileService"].methods]
TOO_LONG = "x" * 64


def point(name: str = "customers/c-1/touchPoints/t-1", **fields) -> touch_point_pb2.TouchPoint:
    usual = {"channel": customer_pb2.CHANNEL_CALL, "reason": "care.call", "start_time": Timestamp(seconds=1)}
    return touch_point_pb2.TouchPoint(name=name, **usual | fields)


def batch(**fields) -> pb.BatchCreateTouchPointsRequest:
    return pb.BatchCreateTouchPointsRequest(touch_points=[point(**fields)])


async def code(call) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name


INVALID = [
    ("CreateCustomer", pb.CreateCustomerRequest()),
    ("CreateCustomer", pb.CreateCustomerRequest(customer_id="c-1")),
    ("CreateCustomer", pb.CreateCustomerRequest(customer_id="c-1", customer=customer_pb2.Customer())),
    ("BatchCreateCustomers", pb.BatchCreateCustomersRequest()),
    ("BatchCreateCustomers", pb.BatchCreateCustomersRequest(requests=[pb.CreateCustomerRequest()])),
    ("GetCustomer", pb.GetCustomerRequest()),
    ("GetCustomer", pb.GetCustomerRequest(name=f"customers/{TOO_LONG}")),
    ("GetCustomer", pb.GetCustomerRequest(name="subscriptions/s-1")),
    ("BatchGetCustomers", pb.BatchGetCustomersRequest()),
    ("BatchGetCustomers", pb.BatchGetCustomersRequest(names=["customers/"])),
    ("BatchGetCustomers", pb.BatchGetCustomersRequest(names=["customers/c-1"] * 1001)),
    ("ListCustomers", pb.ListCustomersRequest(page_size=-1)),
    ("ListCustomers", pb.ListCustomersRequest(page_token="made up")),
    ("ListCustomers", pb.ListCustomersRequest(page_token="x" * 1025)),
    ("UpdateCustomer", pb.UpdateCustomerRequest()),
    ("UpdateCustomer", pb.UpdateCustomerRequest(customer=customer_pb2.Customer(time_zone="UTC"))),
    ("CreateSubscription", pb.CreateSubscriptionRequest()),
    ("CreateSubscription", pb.CreateSubscriptionRequest(subscription_id="s-1")),
    ("BatchCreateSubscriptions", pb.BatchCreateSubscriptionsRequest()),
    ("GetSubscription", pb.GetSubscriptionRequest()),
    ("GetSubscription", pb.GetSubscriptionRequest(name="subscriptions/../s-1")),
    ("BatchGetSubscriptions", pb.BatchGetSubscriptionsRequest()),
    ("BatchGetSubscriptions", pb.BatchGetSubscriptionsRequest(names=["s-1"])),
    ("ListSubscriptions", pb.ListSubscriptionsRequest(customer="c-1")),
    ("ListSubscriptions", pb.ListSubscriptionsRequest(page_token="made up")),
    ("UpdateSubscription", pb.UpdateSubscriptionRequest()),
    ("BatchCreateTouchPoints", pb.BatchCreateTouchPointsRequest()),
    ("BatchCreateTouchPoints", batch(name="customers/c-1")),
    ("BatchCreateTouchPoints", batch(reason="Called us about her bill")),
    ("BatchCreateTouchPoints", batch(channel=99)),
    ("BatchCreateTouchPoints", batch(outcome="x" * 65)),
    ("ListTouchPoints", pb.ListTouchPointsRequest()),
    ("ListTouchPoints", pb.ListTouchPointsRequest(parent="customers/c-1", page_token="made up")),
    ("GetCustomerView", pb.GetCustomerViewRequest()),
    ("GetCustomerView", pb.GetCustomerViewRequest(name="customers/c 1")),
]


@pytest.mark.parametrize(("method", "request_"), INVALID)
async def test_what_breaks_the_rules_is_refused(profile, method: str, request_) -> None:
    assert await code(getattr(profile, method)(request_)) == "INVALID_ARGUMENT"


def test_every_call_has_bad_input_here() -> None:
    assert {method for method, _ in INVALID} == set(METHODS)


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({"customer_id": TOO_LONG}, False),
        ({"customer_id": TOO_LONG[:63]}, True),
        ({"customer_id": "-a"}, False),
        ({"request_id": "not a uuid"}, False),
        ({"display_name": "x" * 201}, False),
        ({"display_name": "x" * 200}, True),
        ({"life_cycle_state": 99}, False),
        ({"language_code": "deutsch!"}, False),
        ({"region_code": "x" * 17}, False),
        ({"contact_media": [customer_pb2.ContactMedium(channel=1, address="no e-mail address")]}, False),
        ({"contact_media": [customer_pb2.ContactMedium(address="a@example.com")]}, False),
        ({"contact_media": [customer_pb2.ContactMedium(channel=1, address="a@example.com")] * 21}, False),
        ({"preferences": customer_pb2.Preferences(channels=[1, 1])}, False),
        ({"preferences": customer_pb2.Preferences(channels=[0])}, False),
        ({"consents": [customer_pb2.Consent(purpose=1)]}, False),
        ({"consents": [customer_pb2.Consent(time=Timestamp())]}, False),
        ({"source_references": [customer_pb2.SourceReference(id="1")]}, False),
    ],
)
async def test_the_limits_of_a_customer(profile, customer, change, accepted: bool) -> None:
    request_fields = {each: change[each] for each in ("customer_id", "request_id") if each in change}
    fields = {each: value for each, value in change.items() if each not in request_fields}
    request = pb.CreateCustomerRequest(**{"customer_id": "c-1"} | request_fields, customer=customer(**fields))

    if accepted:
        await profile.CreateCustomer(request)
    else:
        assert await code(profile.CreateCustomer(request)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "change",
    [
        {"customer": "c-1"}, {"service_type": 0}, {"service_type": 99}, {"plan": ""}, {"plan": "a"}, {"state": 99},
        {"line_identifier": "1" * 65}, {"bill_cycle_day": 0}, {"bill_cycle_day": 32}, {"activate_time": None},
        {"activate_time": Timestamp(seconds=10**15)},
    ],
)  # fmt: skip
async def test_the_limits_of_a_subscription(profile, subscription, change) -> None:
    request = pb.CreateSubscriptionRequest(subscription_id="s-1", subscription=subscription(**change))

    assert await code(profile.CreateSubscription(request)) == "INVALID_ARGUMENT"


async def test_what_is_unknown_is_not_found(profile, customer, subscription) -> None:
    named = subscription(name="subscriptions/x")
    for call in (
        profile.GetCustomer(pb.GetCustomerRequest(name="customers/x")),
        profile.BatchGetCustomers(pb.BatchGetCustomersRequest(names=["customers/x"])),
        profile.UpdateCustomer(pb.UpdateCustomerRequest(customer=customer(name="customers/x"))),
        profile.CreateSubscription(pb.CreateSubscriptionRequest(subscription_id="s", subscription=subscription())),
        profile.GetSubscription(pb.GetSubscriptionRequest(name="subscriptions/x")),
        profile.UpdateSubscription(pb.UpdateSubscriptionRequest(subscription=named)),
        profile.BatchCreateTouchPoints(batch()),
        profile.ListTouchPoints(pb.ListTouchPointsRequest(parent="customers/x")),
        profile.GetCustomerView(pb.GetCustomerViewRequest(name="customers/x")),
    ):
        assert await code(call) == "NOT_FOUND"


async def test_a_request_id_with_another_body_is_refused(profile, customer, subscription) -> None:
    def customers(*names: str, **fields) -> list[customer_pb2.Customer]:
        return [customer(display_name=each, **fields) for each in names]

    def subscriptions(*days: int, **fields) -> list[subscription_pb2.Subscription]:
        return [subscription(bill_cycle_day=each, **fields) for each in days]

    new = [pb.CreateCustomerRequest(customer_id="c-1", customer=each) for each in customers("A", "B")]
    held = [pb.CreateSubscriptionRequest(subscription_id="s-1", subscription=each) for each in subscriptions(1, 2)]
    new_2 = [pb.CreateCustomerRequest(customer_id="c-2", customer=each) for each in customers("A", "B")]
    held_2 = [pb.CreateSubscriptionRequest(subscription_id="s-2", subscription=each) for each in subscriptions(1, 2)]
    pairs = {
        "CreateCustomer": new,
        "BatchCreateCustomers": [pb.BatchCreateCustomersRequest(requests=[each]) for each in new_2],
        "UpdateCustomer": [
            pb.UpdateCustomerRequest(customer=each) for each in customers("C", "D", name="customers/c-1")
        ],
        "CreateSubscription": held,
        "BatchCreateSubscriptions": [pb.BatchCreateSubscriptionsRequest(requests=[each]) for each in held_2],
        "UpdateSubscription": [
            pb.UpdateSubscriptionRequest(subscription=each) for each in subscriptions(3, 4, name="subscriptions/s-1")
        ],
        "BatchCreateTouchPoints": [batch(outcome=each) for each in ("answered", "open")],
    }
    for method, (first, other) in pairs.items():
        call = getattr(profile, method)
        first.request_id = other.request_id = str(uuid.uuid4())
        assert await call(first) == await call(first)
        assert await code(call(other)) == "ALREADY_EXISTS"


async def test_an_oversized_message_is_refused(profile) -> None:
    names = ["customers/" + "x" * 1000] * 20_000

    assert await code(profile.BatchGetCustomers(pb.BatchGetCustomersRequest(names=names))) == "RESOURCE_EXHAUSTED"


async def test_a_caller_without_a_certificate_gets_no_answer(service: ServiceUnderTest, certificates) -> None:
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "profile")]
    async with grpc.aio.secure_channel(service.address, credentials, options) as channel:
        assert (
            await code(ProfileServiceStub(channel).ListCustomers(pb.ListCustomersRequest(), timeout=5)) == "UNAVAILABLE"
        )


@pytest.mark.parametrize("method", METHODS)
async def test_only_those_named_may_call(service: ServiceUnderTest, method: str) -> None:
    request = next(request for name, request in INVALID if name == method)
    identities = [f"service/{name}" for name in OTHERS] + ["partner/streamly"]
    for identity in identities:
        call = getattr(ProfileServiceStub(service.channel(identity)), method)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(request)
        allowed = identity.removeprefix("service/") in CALLERS.get(method, set())
        assert caught.value.code().name == ("INVALID_ARGUMENT" if allowed else "PERMISSION_DENIED"), identity
        if not allowed:
            assert error_from(caught.value).metadata["method"].endswith(f"{SERVICE}/{method}")
