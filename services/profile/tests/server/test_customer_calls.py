"""Calls on customers, as callers see them: over gRPC, with mutual TLS, on real stores."""

import uuid

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.timeofday_pb2 import TimeOfDay

from cxmesh.profile.v1 import customer_pb2 as c
from cxmesh.profile.v1 import profile_service_pb2 as pb
from mesh.rpc import error_from


async def refused(call) -> tuple[str, str, str]:
    """Status, reason and first field of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = error_from(caught.value)
    return error.status.name, error.reason, error.field_violations[0].field if error.field_violations else ""


def create(customer_id: str, customer: c.Customer, **fields) -> pb.CreateCustomerRequest:
    return pb.CreateCustomerRequest(customer_id=customer_id, customer=customer, **fields)


def full_customer() -> c.Customer:
    said = Timestamp(seconds=1_770_000_000, nanos=123_456_000)
    return c.Customer(
        display_name="Zoë 👩‍💻",
        life_cycle_state=c.LIFE_CYCLE_STATE_FORMER,
        contact_media=[
            c.ContactMedium(channel=c.CHANNEL_EMAIL, address="zoe@example.com", preferred=True),
            c.ContactMedium(channel=c.CHANNEL_SMS, address="+4366012345678"),
        ],
        language_code="de-AT",
        time_zone="Europe/Vienna",
        region_code="AT-9",
        preferences=c.Preferences(
            channels=[c.CHANNEL_EMAIL, c.CHANNEL_INBOX],
            quiet_hours_start=TimeOfDay(hours=22),
            quiet_hours_end=TimeOfDay(hours=7, minutes=30),
        ),
        consents=[
            c.Consent(
                purpose=c.CONSENT_PURPOSE_MARKETING, channel=c.CHANNEL_EMAIL, granted=True, time=said, source="web"
            ),
            c.Consent(purpose=c.CONSENT_PURPOSE_SOCIAL, granted=False, time=said),
        ],
        source_references=[c.SourceReference(system="crm", id="4711", observe_time=said)],
    )


async def test_a_customer_comes_back_whole(profile) -> None:
    sent = full_customer()

    made = await profile.CreateCustomer(create("c-1", sent))

    assert made.name == "customers/c-1"
    assert made.etag
    assert made.create_time == made.update_time
    assert await profile.GetCustomer(pb.GetCustomerRequest(name="customers/c-1")) == made
    for field in ("name", "etag", "create_time", "update_time"):
        made.ClearField(field)
    assert made == sent


async def test_a_customer_without_a_state_is_a_prospect(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", customer()))

    assert made.life_cycle_state == c.LIFE_CYCLE_STATE_PROSPECT


async def test_name_and_output_only_fields_of_a_new_customer_are_ignored(profile, customer) -> None:
    sent = customer(name="customers/other", etag="x", create_time=Timestamp(seconds=1))

    made = await profile.CreateCustomer(create("c-1", sent))

    assert made.name == "customers/c-1"
    assert made.etag != "x"
    assert made.create_time.seconds > 1


async def test_the_same_request_gives_the_same_answer_once(profile, customer, published) -> None:
    request = create("c-1", customer(), request_id=str(uuid.uuid4()))

    first = await profile.CreateCustomer(request)
    again = await profile.CreateCustomer(request)

    assert again == first
    assert len(await published()) == 1
    request.customer.display_name = "Grace"
    assert (await refused(profile.CreateCustomer(request)))[0] == "ALREADY_EXISTS"


async def test_events_name_the_customer_and_nothing_personal(profile, published) -> None:
    await profile.CreateCustomer(create("c-1", full_customer()))
    update = pb.UpdateCustomerRequest(
        customer=c.Customer(name="customers/c-1", display_name="Grace", time_zone="UTC"),
        update_mask=FieldMask(paths=["display_name"]),
    )
    await profile.UpdateCustomer(update)

    made, changed = await published()
    assert (made.customer, list(made.changed_fields)) == ("customers/c-1", [])
    assert (changed.customer, list(changed.changed_fields)) == ("customers/c-1", ["display_name"])
    assert b"Grace" not in changed.SerializeToString()


async def test_a_batch_of_a_thousand_is_made_in_order(profile, customer, published) -> None:
    ids = [f"c-{number}" for number in range(999, -1, -1)]

    made = await profile.BatchCreateCustomers(
        pb.BatchCreateCustomersRequest(requests=[create(each, customer()) for each in ids])
    )

    assert [each.name for each in made.customers] == [f"customers/{each}" for each in ids]
    found = await profile.BatchGetCustomers(pb.BatchGetCustomersRequest(names=[each.name for each in made.customers]))
    assert list(found.customers) == list(made.customers)
    assert len(await published()) == 1000


async def test_a_batch_with_a_taken_name_makes_none(profile, customer, published) -> None:
    await profile.CreateCustomer(create("c-2", customer()))
    batch = pb.BatchCreateCustomersRequest(requests=[create(each, customer()) for each in ("c-1", "c-2", "c-3")])

    assert (await refused(profile.BatchCreateCustomers(batch)))[:2] == ("ALREADY_EXISTS", "ERROR_REASON_ALREADY_EXISTS")
    listed = await profile.ListCustomers(pb.ListCustomersRequest())
    assert [each.name for each in listed.customers] == ["customers/c-2"]
    assert len(await published()) == 1


async def test_a_batch_that_is_repeated_gives_the_same_answer(profile, customer) -> None:
    batch = pb.BatchCreateCustomersRequest(
        requests=[create("c-1", customer()), create("c-2", customer())], request_id=str(uuid.uuid4())
    )
    first = await profile.BatchCreateCustomers(batch)
    batch.requests[0].request_id = str(uuid.uuid4())  # ignored, as the contract says

    assert await profile.BatchCreateCustomers(batch) == first


async def test_a_field_of_a_batch_is_named_with_its_place(profile, customer) -> None:
    batch = pb.BatchCreateCustomersRequest(
        requests=[create("c-1", customer()), create("c-2", customer(time_zone="Mars/Olympus"))]
    )

    assert await refused(profile.BatchCreateCustomers(batch)) == (
        "INVALID_ARGUMENT", "ERROR_REASON_INVALID_VALUE", "requests[1].customer.time_zone",
    )  # fmt: skip


async def test_unknown_customers_of_a_batch_are_named(profile, customer) -> None:
    await profile.CreateCustomer(create("c-1", customer()))
    request = pb.BatchGetCustomersRequest(names=["customers/c-1", "customers/x", "customers/y"])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await profile.BatchGetCustomers(request)

    assert error_from(caught.value).reason == "ERROR_REASON_CUSTOMER_NOT_FOUND"
    assert error_from(caught.value).metadata == {"customer": "customers/x"}


async def test_a_name_asked_for_twice_is_answered_twice(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", customer()))

    found = await profile.BatchGetCustomers(pb.BatchGetCustomersRequest(names=["customers/c-1"] * 2))

    assert list(found.customers) == [made, made]


async def test_pages_give_everybody_once_in_order_of_name(profile, customer) -> None:
    ids = ["b", "a", "c", "A", "d"]
    await profile.BatchCreateCustomers(
        pb.BatchCreateCustomersRequest(requests=[create(each, customer()) for each in ids])
    )
    names, token = [], ""
    while True:
        page = await profile.ListCustomers(pb.ListCustomersRequest(page_size=2, page_token=token))
        names += [each.name for each in page.customers]
        token = page.next_page_token
        if not token:
            break

    assert names == [f"customers/{each}" for each in sorted(ids)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "customer.time_zone"),
        ({"display_name": "a\x1bb"}, "customer.display_name"),
        (
            {"contact_media": [c.ContactMedium(channel=c.CHANNEL_SHOP, address="x")]},
            "customer.contact_media[0].channel",
        ),
        (
            {
                "contact_media": [
                    c.ContactMedium(channel=c.CHANNEL_PUSH, address=each, preferred=True) for each in ("a", "b")
                ]
            },
            "customer.contact_media[1].preferred",
        ),
        (
            {"preferences": c.Preferences(quiet_hours_start=TimeOfDay(hours=24), quiet_hours_end=TimeOfDay(hours=7))},
            "customer.preferences.quiet_hours_start",
        ),
        (
            {
                "preferences": c.Preferences(
                    quiet_hours_start=TimeOfDay(hours=1, nanos=5), quiet_hours_end=TimeOfDay(hours=7)
                )
            },
            "customer.preferences.quiet_hours_start",
        ),
        (
            {"consents": [c.Consent(purpose=c.CONSENT_PURPOSE_MARKETING, time=Timestamp(seconds=253_402_300_800))]},
            "customer.consents[0].time",
        ),
        (
            {"source_references": [c.SourceReference(system="crm", id="1", observe_time=Timestamp(nanos=-1))]},
            "customer.source_references[0].observe_time",
        ),
    ],
)
async def test_values_that_cannot_be(profile, customer, changes, field: str) -> None:
    expected = ("INVALID_ARGUMENT", "ERROR_REASON_INVALID_VALUE", field)

    assert await refused(profile.CreateCustomer(create("c-1", customer(**changes)))) == expected
