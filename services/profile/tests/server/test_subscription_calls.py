"""Calls on subscriptions, as callers see them."""

import uuid
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.profile.v1 import customer_pb2, subscription_pb2
from cxmesh.profile.v1 import profile_service_pb2 as pb
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.rpc import error_from

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVATED = datetime(2026, 1, 1, tzinfo=UTC)


def at(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def create(subscription_id: str, subscription, **fields) -> pb.CreateSubscriptionRequest:
    return pb.CreateSubscriptionRequest(subscription_id=subscription_id, subscription=subscription, **fields)


def plans(subscription: subscription_pb2.Subscription) -> list[tuple[str, datetime, datetime | None]]:
    return [
        (
            period.plan,
            period.start_time.ToDatetime(UTC),
            period.end_time.ToDatetime(UTC) if period.HasField("end_time") else None,
        )
        for period in subscription.plan_periods
    ]


async def refused(call) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = error_from(caught.value)
    return error.status.name, error.reason, error.field_violations[0].field if error.field_violations else ""


@pytest.fixture
async def held(profile, customer) -> ProfileServiceStub:
    """A profile with one customer."""
    await profile.CreateCustomer(pb.CreateCustomerRequest(customer_id="c-1", customer=customer()))
    return profile


@pytest.fixture
async def made(held, subscription) -> subscription_pb2.Subscription:
    return await held.CreateSubscription(create("s-1", subscription()))


async def test_a_subscription_comes_back_with_its_plan_and_its_holders_zone(held, made, subscription) -> None:
    assert made.name == "subscriptions/s-1"
    assert made.state == subscription_pb2.SUBSCRIPTION_STATE_ACTIVE
    assert made.time_zone == "Europe/Vienna"
    assert plans(made) == [("plans/a", ACTIVATED, None)]
    assert await held.GetSubscription(pb.GetSubscriptionRequest(name=made.name)) == made
    for field in ("name", "state", "time_zone", "plan_periods", "create_time", "update_time", "etag"):
        made.ClearField(field)
    assert made == subscription()


async def test_the_holder_becomes_active(held, made) -> None:
    holder = await held.GetCustomer(pb.GetCustomerRequest(name="customers/c-1"))

    assert holder.life_cycle_state == customer_pb2.LIFE_CYCLE_STATE_ACTIVE


async def test_one_that_is_activated_later_is_pending(held, subscription) -> None:
    later = await held.CreateSubscription(create("s-1", subscription(activate_time=at(NOW + timedelta(days=1)))))

    assert later.state == subscription_pb2.SUBSCRIPTION_STATE_PENDING
    assert later.plan == "plans/a"


async def test_events_do_not_carry_the_line(held, made, published) -> None:
    changed = next(each for each in await published() if each.DESCRIPTOR.name == "SubscriptionChanged")

    assert made.line_identifier == "4366012345"
    made.ClearField("line_identifier")
    assert changed.subscription == made


async def test_a_batch_of_a_thousand_is_made_once(held, subscription, published) -> None:
    request = pb.BatchCreateSubscriptionsRequest(
        requests=[create(f"s-{number}", subscription()) for number in range(1000)], request_id=str(uuid.uuid4())
    )

    first = await held.BatchCreateSubscriptions(request)
    request.requests[5].request_id = str(uuid.uuid4())  # ignored
    again = await held.BatchCreateSubscriptions(request)

    assert first == again
    assert [each.name for each in first.subscriptions] == [f"subscriptions/s-{number}" for number in range(1000)]
    events = [each.DESCRIPTOR.name for each in await published()]
    assert (events.count("SubscriptionChanged"), events.count("CustomerChanged")) == (1000, 2)


async def test_unknown_names_do_not_hide_the_others(held, made) -> None:
    names = ["subscriptions/x", made.name, "subscriptions/y", "subscriptions/x", made.name]

    found = await held.BatchGetSubscriptions(pb.BatchGetSubscriptionsRequest(names=names))

    assert list(found.subscriptions) == [made, made]
    assert list(found.unknown_names) == ["subscriptions/x", "subscriptions/y"]


async def test_pages_of_one_customer_and_of_everybody(held, made, customer, subscription) -> None:
    await held.CreateCustomer(pb.CreateCustomerRequest(customer_id="c-2", customer=customer()))
    others = [create(each, subscription(customer="customers/c-2")) for each in ("s-0", "s-2")]
    await held.BatchCreateSubscriptions(pb.BatchCreateSubscriptionsRequest(requests=others))

    first = await held.ListSubscriptions(pb.ListSubscriptionsRequest(page_size=2))
    rest = await held.ListSubscriptions(pb.ListSubscriptionsRequest(page_size=2, page_token=first.next_page_token))
    of_two = await held.ListSubscriptions(pb.ListSubscriptionsRequest(customer="customers/c-2"))

    assert [each.name[-3:] for each in [*first.subscriptions, *rest.subscriptions]] == ["s-0", "s-1", "s-2"]
    assert rest.next_page_token == ""
    assert [each.name[-3:] for each in of_two.subscriptions] == ["s-0", "s-2"]
    foreign = pb.ListSubscriptionsRequest(customer="customers/c-2", page_token=first.next_page_token)
    assert (await refused(held.ListSubscriptions(foreign)))[2] == "page_token"


def change(made, paths: list[str], *, start: datetime | None = None, **fields) -> pb.UpdateSubscriptionRequest:
    sent = subscription_pb2.Subscription()
    sent.CopyFrom(made)
    sent.MergeFrom(subscription_pb2.Subscription(**fields))
    request = pb.UpdateSubscriptionRequest(subscription=sent, update_mask=FieldMask(paths=paths))
    if start:
        request.plan_start_time.FromDatetime(start)
    return request


async def test_a_new_plan_takes_effect_now(held, made) -> None:
    changed = await held.UpdateSubscription(change(made, ["plan"], plan="plans/b"))

    assert changed.plan == "plans/b"
    assert plans(changed) == [("plans/a", ACTIVATED, NOW), ("plans/b", NOW, None)]


async def test_a_new_plan_may_have_taken_effect_at_the_start_of_the_cycle(held, made) -> None:
    cycle = datetime(2026, 2, 1, tzinfo=UTC)

    changed = await held.UpdateSubscription(change(made, ["plan"], plan="plans/b", start=cycle))

    assert plans(changed) == [("plans/a", ACTIVATED, cycle), ("plans/b", cycle, None)]


async def test_a_planned_plan_takes_effect_when_its_time_comes(held, made, module_clock) -> None:
    start = module_clock.now() + timedelta(days=2)
    planned = await held.UpdateSubscription(change(made, ["plan"], plan="plans/b", start=start))
    untouched = await held.UpdateSubscription(change(planned, [], bill_cycle_day=15))
    assert planned.plan == "plans/a"
    assert plans(untouched) == plans(planned) == [("plans/a", ACTIVATED, start), ("plans/b", start, None)]

    module_clock.advance(timedelta(days=2))

    assert (await held.GetSubscription(pb.GetSubscriptionRequest(name=made.name))).plan == "plans/b"


async def test_a_termination_ends_the_plan_and_is_for_good(held, made, module_clock) -> None:
    over = await held.UpdateSubscription(change(made, ["state"], state=subscription_pb2.SUBSCRIPTION_STATE_TERMINATED))

    assert plans(over) == [("plans/a", ACTIVATED, module_clock.now())]
    back = change(over, ["state"])
    back.subscription.state = subscription_pb2.SUBSCRIPTION_STATE_ACTIVE
    assert (await refused(held.UpdateSubscription(back)))[2] == "subscription.state"
    holder = await held.GetCustomer(pb.GetCustomerRequest(name="customers/c-1"))
    assert holder.life_cycle_state == customer_pb2.LIFE_CYCLE_STATE_FORMER


async def test_a_customer_who_moves_takes_the_subscription_along(held, made, published) -> None:
    await held.UpdateCustomer(
        pb.UpdateCustomerRequest(customer=customer_pb2.Customer(name="customers/c-1", time_zone="Europe/Lisbon"))
    )

    moved = await held.GetSubscription(pb.GetSubscriptionRequest(name=made.name))
    last = (await published())[-1].subscription
    assert moved.time_zone == last.time_zone == "Europe/Lisbon"
    assert last.etag == moved.etag != made.etag


@pytest.mark.parametrize(
    ("paths", "start", "changes", "field"),
    [
        (["plan"], ACTIVATED - timedelta(days=1), {"plan": "plans/b"}, "plan_start_time"),
        (["bill_cycle_day"], NOW, {"bill_cycle_day": 2}, "plan_start_time"),
        (["customer"], None, {"customer": "customers/c-2"}, "subscription.customer"),
        (["line_identifier"], None, {"line_identifier": "a\x1bb"}, "subscription.line_identifier"),
    ],
)
async def test_changes_that_cannot_be(held, made, paths, start, changes, field) -> None:
    request = change(made, paths, start=start, **changes)

    assert await refused(held.UpdateSubscription(request)) == (
        "INVALID_ARGUMENT", "ERROR_REASON_INVALID_VALUE", field,
    )  # fmt: skip


async def test_a_mask_with_a_path_that_is_none_is_refused(held, made) -> None:
    assert await refused(held.UpdateSubscription(change(made, ["nothing"]))) == (
        "INVALID_ARGUMENT", "ERROR_REASON_INVALID_REQUEST", "update_mask",
    )  # fmt: skip


async def test_a_change_needs_no_more_than_what_changes(held, made) -> None:
    request = pb.UpdateSubscriptionRequest(
        subscription=subscription_pb2.Subscription(name=made.name, line_identifier="15550199"),
        update_mask=FieldMask(paths=["line_identifier"]),
    )

    changed = await held.UpdateSubscription(request)

    assert changed.line_identifier == "15550199"
    assert changed.plan == made.plan


async def test_what_a_change_leaves_must_keep_the_rules(held, made) -> None:
    request = change(made, ["bill_cycle_day"], bill_cycle_day=32)
    assert (await refused(held.UpdateSubscription(request)))[2] == "subscription.bill_cycle_day"


async def test_a_state_cannot_be_unset(held, made) -> None:
    request = change(made, ["state"])
    request.subscription.ClearField("state")

    assert (await refused(held.UpdateSubscription(request)))[2] == "subscription.state"


async def test_a_stale_etag_is_refused(held, made) -> None:
    request = change(made, ["bill_cycle_day"], bill_cycle_day=5)
    await held.UpdateSubscription(request)

    assert (await refused(held.UpdateSubscription(request)))[1] == "ERROR_REASON_ETAG_MISMATCH"
