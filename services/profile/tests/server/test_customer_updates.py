"""How customers are updated, as callers see it: masks (AIP-134), etags, repeated requests."""

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


def create(customer_id: str, customer: c.Customer) -> pb.CreateCustomerRequest:
    return pb.CreateCustomerRequest(customer_id=customer_id, customer=customer)


def full_customer() -> c.Customer:
    said = Timestamp(seconds=1_770_000_000)
    return c.Customer(
        display_name="Zoë",
        life_cycle_state=c.LIFE_CYCLE_STATE_FORMER,
        contact_media=[c.ContactMedium(channel=c.CHANNEL_EMAIL, address="zoe@example.com", preferred=True)],
        language_code="de-AT",
        time_zone="Europe/Vienna",
        region_code="AT-9",
        preferences=c.Preferences(
            channels=[c.CHANNEL_EMAIL, c.CHANNEL_INBOX],
            quiet_hours_start=TimeOfDay(hours=22),
            quiet_hours_end=TimeOfDay(hours=7, minutes=30),
        ),
        consents=[c.Consent(purpose=c.CONSENT_PURPOSE_SOCIAL, granted=False, time=said)],
        source_references=[c.SourceReference(system="crm", id="4711", observe_time=said)],
    )


async def test_a_mask_changes_what_it_names_and_no_more(profile) -> None:
    made = await profile.CreateCustomer(create("c-1", full_customer()))
    sent = c.Customer(name=made.name, display_name="Grace", time_zone="UTC", region_code="XX")

    changed = await profile.UpdateCustomer(
        pb.UpdateCustomerRequest(customer=sent, update_mask=FieldMask(paths=["display_name", "contact_media"]))
    )

    assert changed.display_name == "Grace"
    assert list(changed.contact_media) == []
    assert changed.etag != made.etag
    for field in ("display_name", "contact_media", "etag", "update_time"):
        changed.ClearField(field)
        made.ClearField(field)
    assert changed == made


async def test_an_empty_mask_changes_what_is_set(profile) -> None:
    made = await profile.CreateCustomer(create("c-1", full_customer()))
    sent = c.Customer(name=made.name, time_zone="Europe/Lisbon", region_code="PT-11")

    changed = await profile.UpdateCustomer(pb.UpdateCustomerRequest(customer=sent))

    assert (changed.time_zone, changed.region_code) == ("Europe/Lisbon", "PT-11")
    assert changed.display_name == made.display_name
    assert list(changed.consents) == list(made.consents)


async def test_a_star_changes_everything_that_can_be_written(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", full_customer()))
    sent = customer(name=made.name, life_cycle_state=c.LIFE_CYCLE_STATE_ACTIVE)

    changed = await profile.UpdateCustomer(pb.UpdateCustomerRequest(customer=sent, update_mask=FieldMask(paths=["*"])))

    assert changed.create_time == made.create_time
    for field in ("create_time", "update_time", "etag"):
        changed.ClearField(field)
    assert changed == sent


async def test_a_mask_reaches_into_preferences(profile) -> None:
    made = await profile.CreateCustomer(create("c-1", full_customer()))
    sent = c.Customer(name=made.name, time_zone="UTC", preferences=c.Preferences(channels=[c.CHANNEL_SMS]))

    changed = await profile.UpdateCustomer(
        pb.UpdateCustomerRequest(customer=sent, update_mask=FieldMask(paths=["preferences.channels"]))
    )

    assert list(changed.preferences.channels) == [c.CHANNEL_SMS]
    assert changed.preferences.quiet_hours_start == made.preferences.quiet_hours_start


async def test_half_of_the_quiet_hours_cannot_be_taken_away(profile) -> None:
    made = await profile.CreateCustomer(create("c-1", full_customer()))
    request = pb.UpdateCustomerRequest(
        customer=c.Customer(name=made.name, time_zone="UTC"),
        update_mask=FieldMask(paths=["preferences.quiet_hours_start"]),
    )

    assert (await refused(profile.UpdateCustomer(request)))[2] == "customer.preferences"


@pytest.mark.parametrize("path", ["no_such_field", "contact_media.address", "preferences.nothing", "time_zone.x", ""])
async def test_an_unknown_path_is_named(profile, customer, path: str) -> None:
    await profile.CreateCustomer(create("c-1", customer()))
    request = pb.UpdateCustomerRequest(
        customer=customer(name="customers/c-1"), update_mask=FieldMask(paths=["display_name", path])
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await profile.UpdateCustomer(request)

    error = error_from(caught.value)
    assert error.reason == "ERROR_REASON_INVALID_REQUEST"
    assert error.field_violations[0].field == "update_mask"
    assert repr(path) in error.message


async def test_output_only_fields_in_a_mask_are_ignored(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", customer()))
    sent = customer(name=made.name, create_time=Timestamp(seconds=1))

    request = pb.UpdateCustomerRequest(customer=sent, update_mask=FieldMask(paths=["create_time", "etag", "name"]))

    assert await profile.UpdateCustomer(request) == made


async def test_a_stale_etag_is_refused(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", customer()))
    sent = customer(name=made.name, etag=made.etag, display_name="Grace")
    await profile.UpdateCustomer(pb.UpdateCustomerRequest(customer=sent))
    sent.display_name = "Edith"

    assert (await refused(profile.UpdateCustomer(pb.UpdateCustomerRequest(customer=sent))))[:2] == (
        "ABORTED", "ERROR_REASON_ETAG_MISMATCH",
    )  # fmt: skip


async def test_an_update_that_is_repeated_gives_the_same_answer(profile, customer) -> None:
    made = await profile.CreateCustomer(create("c-1", customer()))
    request = pb.UpdateCustomerRequest(
        customer=customer(name=made.name, etag=made.etag, display_name="Grace"), request_id=str(uuid.uuid4())
    )

    first = await profile.UpdateCustomer(request)

    assert await profile.UpdateCustomer(request) == first
