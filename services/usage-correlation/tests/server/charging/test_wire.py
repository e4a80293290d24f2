"""What does charging say to wrong input, to whom, and in which form?"""

import json
from datetime import timedelta

import grpc
import pytest
from charging_samples import (
    DATA,
    MEGABYTE,
    assign,
    charging,
    create,
    document,
    group,
    message,
    opened,
    quantities_of,
    records_of,
    results,
    session_of,
    subscriber,
    update,
    used,
)
from charging_world import PATIENCE, VALIDITY
from google.protobuf.message import Message
from usage_world import World

from cxmesh.usage.v1 import charging_service_pb2 as pb
from mesh.rpc import error_from
from usage_correlation.server.authorization import CHARGING_SERVICE

SESSION = f"chargingSessions/{'0f' * 16}"
SUPI = "imsi-310260999999999"
SOUND: dict[str, Message] = {
    "CreateChargingData": pb.CreateChargingDataRequest(charging_data=message(document(0, supi=SUPI))),
    "UpdateChargingData": pb.UpdateChargingDataRequest(name=SESSION, charging_data=message(document(1))),
    "ReleaseChargingData": pb.ReleaseChargingDataRequest(name=SESSION, charging_data=message(document(1))),
    "GetChargingSession": pb.GetChargingSessionRequest(name=SESSION),
    "BatchUpdateSubscriberIdentifiers": pb.BatchUpdateSubscriberIdentifiersRequest(
        subscriber_identifiers=[pb.SubscriberIdentifier(identifier=SUPI)]
    ),
    "BatchGetSubscriberIdentifiers": pb.BatchGetSubscriberIdentifiersRequest(identifiers=[SUPI]),
}
STAFF_ONLY = {"BatchUpdateSubscriberIdentifiers", "BatchGetSubscriberIdentifiers"}


async def failure(world: World, method: str, request: Message, as_: str = "service/operator") -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await getattr(charging(world, as_), method)(request, timeout=5)
    return failed.value


def creating(**more: object) -> tuple[str, Message]:
    content = document(0, group(DATA, used(1, 1), wanted=1), supi=SUPI) | more
    return "CreateChargingData", pb.CreateChargingDataRequest(charging_data=message(content))


def as_json(data: bytes) -> tuple[str, Message]:
    return "CreateChargingData", pb.CreateChargingDataRequest(json=data)


def containers(*found: dict[str, object]) -> list[dict[str, object]]:
    return [{"ratingGroup": DATA, "usedUnitContainer": list(found)}]


WRONG = [
    (("CreateChargingData", pb.CreateChargingDataRequest()), "content"),
    (creating(nfConsumerIdentification=None), "charging_data.nf_consumer_identification"),
    (creating(invocationTimeStamp=None), "charging_data.invocation_time_stamp"),
    (creating(invocationSequenceNumber=None), "charging_data.invocation_sequence_number"),
    (creating(subscriberIdentifier=None), "subscriberIdentifier"),
    (creating(subscriberIdentifier="x" * 129), "charging_data.subscriber_identifier"),
    (creating(subscriberIdentifier="imsi-\0"), "charging_data.subscriber_identifier"),
    (creating(multipleUnitUsage=[{}]), "charging_data.multiple_unit_usage[0].rating_group"),
    (creating(multipleUnitUsage=[{"ratingGroup": 1}] * 2), "multipleUnitUsage.ratingGroup"),
    (
        creating(multipleUnitUsage=containers({"totalVolume": 1})),
        "charging_data.multiple_unit_usage[0].used_unit_container[0].local_sequence_number",
    ),
    (
        creating(multipleUnitUsage=containers(used(1), used(1))),
        "multipleUnitUsage[0].usedUnitContainer.localSequenceNumber",
    ),
    (creating(oneTimeEvent=True, oneTimeEventType="XEC"), "charging_data.one_time_event_type"),
    (creating(oneTimeEventType="IEC"), "oneTimeEventType"),
    (as_json(b"{"), "json"),
    (as_json(b"[]"), "json"),
    (as_json(b'{"a": NaN}'), "json"),
    (as_json(b"[" * 100_000), "json"),
    (as_json(b'{"invocationSequenceNumber": "x"}'), "invocationSequenceNumber"),
    (as_json(b'{"multipleUnitUsage": [{"ratingGroup": -1}]}'), "multipleUnitUsage.ratingGroup"),
    (as_json(b'{"subscriberIdentifier": "imsi-1"}'), "json.nf_consumer_identification"),
    (("UpdateChargingData", pb.UpdateChargingDataRequest(name="chargingSessions/x")), "name"),
    (
        ("UpdateChargingData", pb.UpdateChargingDataRequest(
            name=SESSION, charging_data=message(document(1, oneTimeEvent=True)))),
        "oneTimeEvent",
    ),
    (("ReleaseChargingData", pb.ReleaseChargingDataRequest(name=SESSION)), "content"),
    (("GetChargingSession", pb.GetChargingSessionRequest(name="x")), "name"),
    (("BatchUpdateSubscriberIdentifiers", pb.BatchUpdateSubscriberIdentifiersRequest()), "subscriber_identifiers"),
    (
        ("BatchUpdateSubscriberIdentifiers", pb.BatchUpdateSubscriberIdentifiersRequest(
            subscriber_identifiers=[pb.SubscriberIdentifier(identifier=SUPI)] * 2)),
        "subscriber_identifiers",
    ),
    (
        ("BatchUpdateSubscriberIdentifiers", pb.BatchUpdateSubscriberIdentifiersRequest(
            subscriber_identifiers=[pb.SubscriberIdentifier(identifier="+49151")])),
        "subscriber_identifiers[0].identifier",
    ),
    (("BatchGetSubscriberIdentifiers", pb.BatchGetSubscriberIdentifiersRequest()), "identifiers"),
    (("BatchGetSubscriberIdentifiers", pb.BatchGetSubscriberIdentifiersRequest(identifiers=["\0"])), "identifiers[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "field"), WRONG, ids=[f"{call[0]}-{field}" for call, field in WRONG])
async def test_wrong_input_is_named_with_its_field(world: World, call: tuple[str, Message], field: str) -> None:
    error = error_from(await failure(world, *call))
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert field in {violation.field for violation in error.field_violations}
    assert "310260999999999" not in str(error)


@pytest.mark.parametrize(
    "caller", ["service/profile", "service/offer-decision", "service/billing-accuracy", "partner/acme"]
)
@pytest.mark.parametrize("method", SOUND)
async def test_only_partners_and_the_operator_charge(world: World, method: str, caller: str) -> None:
    denied = caller != "partner/acme" or method in STAFF_ONLY
    try:
        await getattr(charging(world, caller), method)(SOUND[method], timeout=5)
        status = grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        status = error.code()
    assert (status is grpc.StatusCode.PERMISSION_DENIED) == denied


def test_every_method_is_in_this_table() -> None:
    service = CHARGING_SERVICE.rpartition(".")[2]
    assert {method.name for method in pb.DESCRIPTOR.services_by_name[service].methods} == SOUND.keys()


async def test_a_partner_charges_in_its_own_name_and_sees_its_own_sessions(world: World) -> None:
    name, supi = await subscriber(world)
    answer = await create(world, document(0, group(DATA, used(1, 1), wanted=1), supi=supi), "partner/acme")
    assert [each.source for each in await records_of(world, name)] == ["acme:chf"]
    for as_ in ("partner/acme", "service/operator"):
        assert (await session_of(world, answer.name, as_)).subscription == f"subscriptions/{name}"
    later = document(1, group(DATA, used(1, 1)))
    for method, request in (
        ("GetChargingSession", pb.GetChargingSessionRequest(name=answer.name)),
        ("UpdateChargingData", pb.UpdateChargingDataRequest(name=answer.name, charging_data=message(later))),
    ):
        error = error_from(await failure(world, method, request, "partner/other"))
        assert (error.status, error.reason) == (
            grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CHARGING_SESSION_NOT_FOUND",
        )  # fmt: skip
        assert error.metadata["cause"] == "CONTEXT_NOT_FOUND"


async def test_the_same_request_of_two_partners_opens_two_sessions(world: World) -> None:
    _, supi = await subscriber(world)
    names = {(await create(world, document(0, supi=supi), f"partner/{who}")).name for who in ("acme", "other")}
    assert len(names) == 2


async def test_the_standards_json_is_taken_and_answered(world: World) -> None:
    name, supi = await subscriber(world)
    content = document(0, group(DATA, used(1, 1), wanted=3), supi=supi, tenantIdentifier="t", more={"a": [1]})
    usage = content["multipleUnitUsage"][0]
    usage["UsedUnitContainer"] = usage.pop("usedUnitContainer")  # as release 15 has it
    request = pb.CreateChargingDataRequest(json=json.dumps(content).encode())
    answer = await charging(world).CreateChargingData(request)
    told = json.loads(answer.json)
    (unit,) = told["multipleUnitInformation"]
    assert unit == {
        "resultCode": "SUCCESS", "ratingGroup": DATA, "grantedUnit": {"totalVolume": 3 * MEGABYTE},
        "validityTime": 1800, "volumeQuotaThreshold": 600_000,
    }  # fmt: skip
    assert (told["invocationSequenceNumber"], told["invocationTimeStamp"][:10]) == (0, "2026-03-15")
    assert await quantities_of(world, name) == [1.0]
    # As a message it is the same request.
    assert (await create(world, document(0, group(DATA, used(1, 1), wanted=3), supi=supi))).name == answer.name


async def test_an_identifier_belongs_to_one_subscription_at_a_time(world: World) -> None:
    one, supi = await subscriber(world)
    other = world.profile.hold("charged", name=f"{one}-other")
    ask = pb.BatchGetSubscriberIdentifiersRequest(identifiers=[supi, "imsi-999990000000000"])

    async def whose() -> list[str]:
        found = await charging(world).BatchGetSubscriberIdentifiers(ask)
        return [each.subscription for each in found.subscriber_identifiers]

    assert await whose() == [f"subscriptions/{one}"]
    await assign(world, **{supi: other})
    assert await whose() == [f"subscriptions/{other}"]
    await assign(world, **{supi: ""})
    assert await whose() == []


async def test_an_identifier_of_no_subscription_is_refused(world: World) -> None:
    given = [pb.SubscriberIdentifier(identifier=SUPI, subscription="subscriptions/nobody")]
    request = pb.BatchUpdateSubscriberIdentifiersRequest(subscriber_identifiers=given)
    error = error_from(await failure(world, "BatchUpdateSubscriberIdentifiers", request))
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND")


async def time_out(world: World) -> None:
    """What the job does every half minute."""
    from usage_correlation.store.charging import ChargingStore  # noqa: PLC0415 - this test alone needs it

    runtime = world.service.runtime
    await ChargingStore(runtime.store).time_out(runtime.clock.now(), timedelta(days=7))


async def test_a_silent_session_is_given_up_and_goes_on_when_heard_of(world: World) -> None:
    name, session = await opened(world)
    world.clock.advance(VALIDITY + PATIENCE - timedelta(seconds=1))
    await time_out(world)
    assert (await session_of(world, session)).state == pb.CHARGING_SESSION_STATE_OPEN
    world.clock.advance(timedelta(seconds=2))
    await time_out(world)
    found = await session_of(world, session)
    assert (found.state, len(found.reservations)) == (pb.CHARGING_SESSION_STATE_TIMED_OUT, 0)
    answer = await update(world, session, document(1, group(DATA, used(1, 2), wanted=1)))
    assert results(answer) == [(DATA, "SUCCESS", 1.0)]
    assert (await session_of(world, session)).state == pb.CHARGING_SESSION_STATE_OPEN
    assert await quantities_of(world, name) == [2.0]


async def test_an_ended_session_is_forgotten_after_a_while_unless_usage_waits_for_repair(world: World) -> None:
    _, forgotten = await opened(world)
    _, kept = await opened(world)
    await update(world, kept, document(1, group(DATA, {"localSequenceNumber": 1, "time": 1})))
    for days in (2, 8):
        world.clock.advance(timedelta(days=days))
        await time_out(world)
    error = error_from(await failure(world, "GetChargingSession", pb.GetChargingSessionRequest(name=forgotten)))
    assert error.status is grpc.StatusCode.NOT_FOUND
    assert len((await session_of(world, kept)).refused_usage) == 1


async def test_killed_between_storing_and_answering_the_request_is_answered_the_second_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from usage_correlation.store.charging import ChargingWriter  # noqa: PLC0415 - this test alone needs it

    name, session = await opened(world, wanted=5)
    content = document(1, group(DATA, used(1, 3), wanted=4))

    async def dies(self: ChargingWriter, settled: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(ChargingWriter, "settle", dies)
        with pytest.raises(grpc.aio.AioRpcError):
            await update(world, session, content)
    assert await quantities_of(world, name) == [3.0]
    assert results(await update(world, session, content)) == [(DATA, "SUCCESS", 4.0)]
    assert await quantities_of(world, name) == [3.0]
    assert [each.quantity for each in (await session_of(world, session)).reservations] == [4 * MEGABYTE]
