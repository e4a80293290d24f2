"""Does a charging session's usage become records, each once, whatever is sent again, late or lost?"""

from datetime import UTC, timedelta

import grpc
import pytest
from charging_samples import (
    ABROAD,
    DATA,
    MEGABYTE,
    MUSIC,
    NOON,
    assign,
    charging,
    create,
    document,
    group,
    message,
    only,
    opened,
    quantities_of,
    records_of,
    release,
    results,
    session_of,
    subscriber,
    update,
    used,
)
from usage_acts import lines, summary
from usage_samples import fresh
from usage_world import World

from cxmesh.usage.v1 import charging_service_pb2 as pb
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_CONTENT, USAGE_TYPE_DATA, USAGE_TYPE_VOICE
from mesh.rpc import error_from


async def test_a_session_is_opened_charged_and_released(world: World) -> None:
    name, session = await opened(world)
    answer = await update(world, session, document(1, group(DATA, used(1, 3), wanted=10)))
    assert results(answer) == [(DATA, "SUCCESS", 10.0)]
    assert (await session_of(world, session)).state == pb.CHARGING_SESSION_STATE_OPEN
    ended = await release(world, session, document(2, group(DATA, used(1, 2.5))))
    assert results(ended) == []
    assert sorted(await quantities_of(world, name)) == [2.5, 3.0]
    found = await session_of(world, session)
    assert (found.state, found.last_sequence_number) == (pb.CHARGING_SESSION_STATE_RELEASED, 2)
    assert (list(found.reservations), list(found.refused_usage)) == ([], [])
    assert found.subscription == f"subscriptions/{name}"


async def test_a_container_becomes_a_record_that_says_when_and_where(world: World) -> None:
    name, session = await opened(world)
    container = used(
        4,
        1,
        triggerTimestamp="2026-03-15T11:50:00Z",
        pDUContainerInformation={
            "timeofFirstUsage": "2026-03-15T12:40:00.25+01:00",
            "userLocationInformation": {
                "nrLocation": {"tai": {"plmnId": ABROAD, "tac": "0001"}, "ncgi": {"plmnId": ABROAD, "nrCellId": "0a1"}}
            },
        },
    )
    await update(world, session, document(1, group(DATA, container)))
    (record,) = await records_of(world, name)
    assert record.start_time.ToDatetime(UTC) == NOON - timedelta(minutes=20) + timedelta(milliseconds=250)
    assert (record.usage_type, record.quantity, record.source) == (USAGE_TYPE_DATA, MEGABYTE, "chf")
    assert (record.visited_network, record.location_id) == ("26201", "0a1")
    assert record.record_id == f"{session.removeprefix('chargingSessions/')}:1:{DATA}:4"


async def test_containers_without_a_first_use_begin_when_they_were_closed(world: World) -> None:
    name, session = await opened(world)
    closed = NOON - timedelta(minutes=5)
    containers = (used(1, 1, triggerTimestamp=closed.isoformat()), used(2, 2))
    await update(world, session, document(1, group(DATA, *containers), at=NOON - timedelta(seconds=1)))
    starts = {each.quantity: each.start_time.ToDatetime(UTC) for each in await records_of(world, name)}
    assert starts == {MEGABYTE: closed, 2 * MEGABYTE: NOON - timedelta(seconds=1)}


async def test_volumes_of_both_directions_are_added(world: World) -> None:
    name, session = await opened(world)
    container = {"localSequenceNumber": 1, "uplinkVolume": 1000, "downlinkVolume": 2000}
    await update(world, session, document(1, group(DATA, container)))
    assert [each.quantity for each in await records_of(world, name)] == [3000]


async def test_a_call_begins_its_duration_before_its_container_was_closed(world: World) -> None:
    name, supi = await subscriber(world)
    call = {"calledPartyAddress": "tel:+12125550100;phone-context=x"}
    content = document(0, {"ratingGroup": 1, "usedUnitContainer": [{"localSequenceNumber": 0, "time": 90}]}, supi=supi)
    del content["pDUSessionChargingInformation"]
    await create(world, content | {"iMSChargingInformation": call})
    (record,) = await records_of(world, name)
    assert (record.usage_type, record.quantity, record.destination) == (USAGE_TYPE_VOICE, 90, "12125550100")
    assert record.start_time.ToDatetime(UTC) == NOON - timedelta(seconds=90)


async def test_a_rating_group_of_the_operator_says_what_it_is(world: World) -> None:
    name, session = await opened(world)
    song = {"localSequenceNumber": 1, "serviceSpecificUnits": 2}
    await update(world, session, document(1, group(MUSIC, song)))
    (record,) = await records_of(world, name)
    assert (record.usage_type, record.quantity, record.destination) == (USAGE_TYPE_CONTENT, 2, "music")


async def test_the_same_request_again_is_answered_the_same_and_counts_once(world: World) -> None:
    name, supi = await subscriber(world)
    first = document(0, group(wanted=10), supi=supi)
    opening = await create(world, first)
    assert await create(world, first | {"retransmissionIndicator": True}) == opening
    content = document(1, group(DATA, used(1, 3), wanted=10))
    answer = await update(world, opening.name, content)
    world.clock.advance(timedelta(seconds=7))
    assert await update(world, opening.name, content) == answer
    last = document(2, group(DATA, used(1, 1)))
    ended = await release(world, opening.name, last)
    assert await release(world, opening.name, last) == ended
    assert await update(world, opening.name, content) == answer
    assert sorted(await quantities_of(world, name)) == [1.0, 3.0]


async def test_a_request_id_tells_events_apart_that_are_alike(world: World) -> None:
    name, supi = await subscriber(world)
    content = message(document(0, group(DATA, used(0, 1)), supi=supi, oneTimeEvent=True, oneTimeEventType="PEC"))
    ids = ["0b4a9f6e-9c3e-4c53-8b52-6d1e5f0a0001", "0b4a9f6e-9c3e-4c53-8b52-6d1e5f0a0002"]
    for request_id in (*ids, ids[0]):
        await charging(world).CreateChargingData(
            pb.CreateChargingDataRequest(charging_data=content, request_id=request_id)
        )
    assert await quantities_of(world, name) == [1.0, 1.0]


async def test_a_number_used_for_another_request_is_a_conflict(world: World) -> None:
    name, session = await opened(world)
    await update(world, session, document(1, group(DATA, used(1, 3), wanted=10)))
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await update(world, session, document(1, group(DATA, used(1, 4), wanted=10)))
    error = error_from(failed.value)
    assert (error.status, error.reason) == (grpc.StatusCode.ABORTED, "ERROR_REASON_INVOCATION_CONFLICT")
    assert error.metadata == {"cause": "CHARGING_FAILED", "status": "400", "invocation_sequence_number": "1"}
    assert await quantities_of(world, name) == [3.0]


async def test_a_number_that_comes_late_counts_and_gets_no_quota(world: World) -> None:
    name, session = await opened(world)
    assert results(await update(world, session, document(3, group(DATA, used(1, 3), wanted=4))))[0][2] == 4.0
    late = await update(world, session, document(2, group(DATA, used(1, 2), wanted=9)))
    assert results(late) == []
    found = await session_of(world, session)
    assert (found.last_sequence_number, [each.quantity for each in found.reservations]) == (3, [4 * MEGABYTE])
    await release(world, session, document(4, group(DATA, used(1, 4))))
    assert results(await update(world, session, document(1, group(DATA, used(1, 1), wanted=9)))) == []
    assert sorted(await quantities_of(world, name)) == [1.0, 2.0, 3.0, 4.0]


async def test_nothing_follows_a_release(world: World) -> None:
    name, session = await opened(world)
    await release(world, session, document(1, group(DATA, used(1, 1))))
    for act in (update, release):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await act(world, session, document(2, group(DATA, used(1, 1))))
        error = error_from(failed.value)
        assert (error.status, error.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "ERROR_REASON_CHARGING_SESSION_ENDED",
        )
        assert error.metadata["charging_session"] == session
    assert await quantities_of(world, name) == [1.0]


async def test_usage_that_cannot_be_stored_is_kept_with_its_reason(world: World) -> None:
    name, session = await opened(world)
    containers = (
        used(1, 1),
        {"localSequenceNumber": 2, "time": 5},
        used(3, 2, triggerTimestamp="2026-03-16T00:00:00Z"),
    )
    answer = await update(world, session, document(1, group(DATA, *containers), group(99, used(1, 1))))
    # The request is of a PDU session: a rating group that is not the operator's is data.
    assert results(answer) == [(DATA, "RATING_FAILED", 0.0)]
    assert sorted(await quantities_of(world, name)) == [1.0, 1.0]
    refused = (await session_of(world, session)).refused_usage
    assert [(each.local_sequence_number, ErrorReason.Name(each.reason), each.field) for each in refused] == [
        (2, "ERROR_REASON_INVALID_RECORD", "used_unit_container"),
        (3, "ERROR_REASON_RECORD_IN_FUTURE", "start_time"),
    ]
    assert not refused[0].HasField("record")
    assert (refused[1].record.quantity, refused[1].record.subscription) == (2 * MEGABYTE, f"subscriptions/{name}")


async def test_a_rating_group_that_nobody_knows_is_refused_and_kept(world: World) -> None:
    name, supi = await subscriber(world)
    content = document(0, group(99, used(1, 1), wanted=1), supi=supi)
    del content["pDUSessionChargingInformation"]
    answer = await create(world, content)
    assert results(answer) == [(99, "RATING_FAILED", 0.0)]
    (refused,) = (await session_of(world, answer.name)).refused_usage
    assert (refused.reason, refused.field) == (ErrorReason.ERROR_REASON_NOT_RATEABLE, "rating_group")
    assert await records_of(world, name) == []


async def test_an_unknown_subscriber_is_told_as_such(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await create(world, document(0, group(wanted=1), supi="imsi-999999999999999"))
    error = error_from(failed.value)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_USER_UNKNOWN")
    assert error.metadata == {"cause": "USER_UNKNOWN", "status": "404"}
    assert "999999999999999" not in error.message


async def test_a_subscriber_is_found_by_the_number_too(world: World) -> None:
    name = world.profile.hold("charged", name=fresh("charged"))
    await assign(world, **{"msisdn-12125550199": name})
    content = document(0, group(DATA, used(1, 1)), supi="imsi-999999999999998")
    content["pDUSessionChargingInformation"]["userInformation"] = {"servedGPSI": "msisdn-12125550199"}
    await create(world, content)
    assert await quantities_of(world, name) == [1.0]


async def test_usage_of_a_subscription_that_is_gone_is_kept_for_repair(world: World) -> None:
    name, session = await opened(world)
    kept = world.profile.known.pop(f"subscriptions/{name}")
    world.clock.advance(timedelta(seconds=301))  # nobody told of the change: what is remembered is believed so long
    answer = await update(world, session, document(1, group(DATA, used(1, 3), wanted=5)))
    assert only(answer).result_code == "USER_UNKNOWN"
    (refused,) = (await session_of(world, session)).refused_usage
    assert refused.reason == ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND
    assert refused.record.quantity == 3 * MEGABYTE
    world.profile.known[kept.name] = kept


async def test_where_the_subscriber_is_at_home_no_network_is_visited(world: World) -> None:
    name, session = await opened(world)
    content = document(1, group(DATA, used(1, 1)))
    content["pDUSessionChargingInformation"]["pduSessionInformation"] |= {
        "hPlmnId": {"mcc": "310", "mnc": "410"},
        "servingCNPlmnId": {"mcc": "310", "mnc": "410"},
    }
    await update(world, session, content)
    assert [each.visited_network for each in await records_of(world, name)] == [""]


async def test_roaming_usage_is_rated_where_it_happened(world: World) -> None:
    name, supi = await subscriber(world)
    content = document(0, group(DATA, used(1, 2), wanted=3), supi=supi)
    content["pDUSessionChargingInformation"]["pduSessionInformation"]["servingCNPlmnId"] = ABROAD
    opening = await create(world, content)
    later = document(1, group(DATA, used(1, 1)))
    del later["pDUSessionChargingInformation"]  # where it is was said before
    await update(world, opening.name, later)
    assert [each.visited_network for each in await records_of(world, name)] == ["26201", "26201"]
    assert lines(await summary(world, name)) == {"data.eu": (2, 3 * MEGABYTE, 300)}
