"""Are observations stored once, with the customer's consent where it is needed, and seen by patterns?"""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from pattern_acts import DROPS, after, count, make, nothing_waits, observation, observations, observe, remove, told
from sqlalchemy import text
from usage_samples import MARCH_2, fresh
from usage_world import World

from cxmesh.profile.v1.customer_pb2 import CHANNEL_CALL
from cxmesh.profile.v1.events_pb2 import CustomerChanged, TouchPointRecorded
from cxmesh.profile.v1.touch_point_pb2 import VALENCE_NEGATIVE, TouchPoint
from cxmesh.usage.v1 import observation_pb2 as pb
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.observation_service_pb2 import (
    ListObservationsRequest,
    RecordObservationsRequest,
    RecordObservationsResponse,
)
from mesh.testkit.serving import ServiceUnderTest


def counts(answer: RecordObservationsResponse) -> tuple[int, int, int]:
    return answer.accepted_count, answer.duplicate_count, len(answer.rejections)


def reasons(answer: RecordObservationsResponse) -> list[tuple[int, str, str]]:
    prefix = "ERROR_REASON_"
    return [(each.index, ErrorReason.Name(each.reason).removeprefix(prefix), each.field) for each in answer.rejections]


async def listed(world: World, name: str, **fields: Any) -> list[pb.Observation]:
    request = ListObservationsRequest(parent=f"subscriptions/{name}", **fields)
    return list((await observations(world).ListObservations(request)).observations)


def alert(start: float, end: float | None, *cells: str, areas: tuple[str, ...] = ()) -> pb.Observation:
    said = pb.ServiceAlert(service="mobile", severity="major", cells=cells, areas=areas)
    said.start_time.FromDatetime(after(start))
    if end is not None:
        said.end_time.FromDatetime(after(end))
    return observation("", after(start), cell="", service_alert=said)


DETAILS = {
    "voice_quality": pb.VoiceQuality(
        codec="AMR-WB", delay_ms=120.5, jitter_ms=3, loss_percent=1.5, mos=3.9, talk_duration=Duration(seconds=61)
    ),
    "stream_quality": pb.StreamQuality(
        service="iptv", startup_duration=Duration(seconds=2, nanos=500_000_000), rebuffering_count=3, failed=True
    ),
    "call_failure": pb.CallFailure(kind=pb.CALL_FAILURE_KIND_ACCESS, service="data", cause="rrc", technology="4g"),
    "device_seen": pb.DeviceSeen(tac="35693803", imei="356938035643809", model="x", capabilities=["volte", "esim"]),
    "touch_point": pb.ContactSeen(channel="ivr", reason="billing.question", outcome="answered"),
}


@pytest.mark.parametrize("kind", DETAILS)
async def test_an_observation_is_stored_once_and_read_as_it_was_sent(world: World, kind: str) -> None:
    name = world.profile.hold()
    sent = observation(name, cell="" if kind == "touch_point" else "c7", **{kind: DETAILS[kind]})
    assert counts(await observe(world, sent, sent)) == (1, 1, 0)
    assert counts(await observe(world, sent)) == (0, 1, 0)
    assert await listed(world, name) == [sent]


async def test_the_same_id_with_other_content_is_told(world: World) -> None:
    name = world.profile.hold()
    first = observation(name, ident="x-1")
    other = observation(name, after(1), ident="x-1")
    assert reasons(await observe(world, first, other)) == [(1, "OBSERVATION_CONFLICT", "observation_id")]
    assert reasons(await observe(world, other)) == [(0, "OBSERVATION_CONFLICT", "observation_id")]
    assert await listed(world, name) == [first]


async def test_a_place_is_taken_with_consent_alone(world: World) -> None:
    names = [world.profile.hold() for _ in range(2)]
    world.profile.consent(names[1])
    where = {"location_update": pb.LocationUpdate(area="US-KS", network="26201")}
    sent = [observation(name, **where) for name in names]
    answer = await observe(world, *sent)
    assert counts(answer) == (1, 0, 1)
    assert reasons(answer) == [(0, "CONSENT_MISSING", "location_update")]
    assert await listed(world, names[0]) == []
    assert await listed(world, names[1]) == [sent[1]]


async def test_a_withdrawn_consent_holds_as_soon_as_the_profile_tells_of_it(world: World) -> None:
    name = world.profile.hold()
    world.profile.consent(name)
    where = {"location_update": pb.LocationUpdate(area="US-KS")}
    assert counts(await observe(world, observation(name, **where))) == (1, 0, 0)
    world.profile.consent(name, granted=False)
    await publish(world.service, CustomerChanged(customer=f"customers/c-{name}"), name)
    assert counts(await observe(world, observation(name, **where))) == (0, 0, 1)


async def publish(service: ServiceUnderTest, event: Any, key: str) -> None:
    """Through the real stream: on the profile's topic, relayed and handled. Any: a protobuf message."""
    store = service.runtime.store

    async def handled() -> int:
        async with store.reading() as connection:
            found: int = (await connection.execute(text("SELECT count(*) FROM usage.inbox"))).scalar_one()
            return found

    before = await handled()
    async with store.unit_of_work() as uow:
        uow.publish(event, key=key)
    for _ in range(500):
        if await handled() > before:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the event was not handled within 10 seconds")


BAD: dict[str, tuple[pb.Observation, str]] = {
    "no source": (pb.Observation(subscription="subscriptions/s-1", call_failure=DETAILS["call_failure"]), "source"),
    "no detail": (pb.Observation(source="p", observation_id="1", subscription="subscriptions/s-1"), ""),
    "no subscription": (observation("", ident="1"), ""),
    "an alert of a subscriber": (observation("s-1", ident="1", service_alert=pb.ServiceAlert(service="m")), ""),
    "a mos of 6": (observation("s-1", ident="1", voice_quality=pb.VoiceQuality(mos=6)), "voice_quality.mos"),
    "a loss of 101": (
        observation("s-1", ident="1", voice_quality=pb.VoiceQuality(loss_percent=101)),
        "voice_quality.loss_percent",
    ),
    "not a number": (
        observation("s-1", ident="1", voice_quality=pb.VoiceQuality(delay_ms=float("nan"))),
        "voice_quality.delay_ms",
    ),
    "a failure of no kind": (observation("s-1", ident="1", call_failure=pb.CallFailure()), "call_failure.kind"),
    "a short tac": (observation("s-1", ident="1", device_seen=pb.DeviceSeen(tac="123")), "device_seen.tac"),
    "an imei of another": (
        observation("s-1", ident="1", device_seen=pb.DeviceSeen(tac="35693803", imei="12345678901234")),
        "device_seen",
    ),
    "a negative duration": (
        observation("s-1", ident="1", stream_quality=pb.StreamQuality(play_duration=Duration(seconds=-1))),
        "stream_quality.play_duration",
    ),
    "NUL": (observation("s-1", ident="1", voice_quality=pb.VoiceQuality(codec="a\0")), "voice_quality.codec"),
    "an alert of nowhere": (alert(0, 1), "service_alert.cells"),
    "an alert that ends before it begins": (alert(1, 0, "c1"), "service_alert.end_time"),
    "an unknown subscription": (observation("nobody", ident="1"), "subscription"),
    "tomorrow": (observation("s-1", MARCH_2 + timedelta(days=100), ident="1"), "observe_time"),
    "before 1970": (observation("s-1", MARCH_2.replace(year=1969), ident="1"), "observe_time"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_one_is_refused_by_itself(world: World, what: str) -> None:
    bad, field = BAD[what]
    good = observation(world.profile.hold())
    answer = await observe(world, bad, good)
    assert counts(answer) == (1, 0, 1)
    [(index, _, named)] = reasons(answer)
    assert (index, named) == (0, field)
    assert "356938" not in answer.rejections[0].description


@pytest.mark.parametrize("size", [0, 1001])
async def test_a_call_holds_1_to_1000(world: World, size: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await observe(world, *[observation("s-1", ident="1")] * size)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_partners_observe_in_their_own_name(world: World) -> None:
    name = world.profile.hold()
    mine = observation(name)
    mine.source = "acme:probe-1"
    assert counts(await observe(world, mine, as_="partner/acme")) == (1, 0, 0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await observe(world, observation(name), as_="partner/acme")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await observations(world, "partner/acme").ListObservations(ListObservationsRequest(parent="subscriptions/x"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await observations(world, "service/notification").RecordObservations(
            RecordObservationsRequest(observations=[mine])
        )
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_nothing_is_stored_while_the_profile_is_away(world: World) -> None:
    name = world.profile.hold()
    before = await count(world, "observation")
    world.profile.down = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await observe(world, observation(name))
    world.profile.down = False
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await count(world, "observation") == before


async def test_observations_are_listed_by_time_page_by_page(world: World) -> None:
    name = world.profile.hold()
    sent = [observation(name, after(minute)) for minute in (3, 1, 2)]
    await observe(world, *sent)
    first = await observations(world).ListObservations(
        ListObservationsRequest(parent=f"subscriptions/{name}", page_size=2)
    )
    rest = await listed(world, name, page_size=2, page_token=first.next_page_token)
    assert [*first.observations, *rest] == sorted(sent, key=lambda each: each.observe_time.ToMicroseconds())


FAULT = """
format: cxmesh-pattern/1
name: Drops where a fault is known
events: {drop: {type: call_failure}, outage: {type: service_alert, where: severity == "major"}}
joins: [{event: drop, with: outage, on: cell}]
window: {event: drop, sliding: 1h, measure: count, at_least: 2}
raises: {kind: SERVICE_FAULT, labels: {alert: outage.id}}
"""


async def test_an_alert_lets_drops_count_that_came_before_it_was_announced(world: World) -> None:
    pattern = await make(world, FAULT)
    name, cell = world.profile.hold(), fresh("cell")
    world.profile.consent(name)
    await observe(world, observation(name, after(10), cell=cell), observation(name, after(11), cell=cell))
    await nothing_waits(world)
    assert await told(world, pattern.name, 1, seconds=0.2) == []
    announced = alert(5, None, cell)
    await observe(world, announced)
    [signal] = await told(world, pattern.name, 1)
    assert dict(signal.pattern.labels) == {"alert": f"probe-3/{announced.observation_id}"}
    assert signal.evidence_records[0] == f"probe-3/{announced.observation_id}"
    await remove(world, pattern.name)


async def test_an_alert_ends_with_its_later_revision_in_whatever_order_they_come(world: World) -> None:
    pattern = await make(world, FAULT)
    ended, lasting = fresh("cell"), fresh("cell")

    def revised(number: int, end: float | None, cell: str) -> pb.Observation:
        said = alert(2, end, cell)
        said.service_alert.alert_id = f"fault-{cell}"
        said.service_alert.revision = number
        return said

    # The end of one is told before its beginning; the other's end is taken back.
    for said in (revised(2, 8, ended), revised(1, None, ended), revised(1, 8, lasting), revised(2, None, lasting)):
        assert (await observe(world, said)).accepted_count == 1
    names = {cell: world.profile.hold() for cell in (ended, lasting)}
    for cell, name in names.items():
        world.profile.consent(name)
        await observe(world, *(observation(name, after(12 + minute), cell=cell) for minute in (0, 1)))
    [signal] = await told(world, pattern.name, 1)
    await nothing_waits(world)
    assert len(await told(world, pattern.name, 2, seconds=0.2)) == 1
    assert signal.subscription == f"subscriptions/{names[lasting]}"
    assert dict(signal.pattern.labels) == {"alert": f"probe-3/fault-{lasting}"}
    await remove(world, pattern.name)


ANGRY = """
format: cxmesh-pattern/1
name: Two drops, then an unpleasant call
events:
  drop: {type: call_failure}
  call: {type: touch_point, where: channel == "call" && valence == "negative" && !resolved && seconds > 60.0}
sequence: {within: 2h, steps: [{event: drop, count: 2}, {event: call}]}
raises: {kind: CHURN_RISK}
"""


async def test_touch_points_of_the_profile_are_events_of_all_that_the_customer_holds(world: World) -> None:
    pattern, name = await make(world, ANGRY), world.profile.hold()
    await observe(world, observation(name, after(20)), observation(name, after(21)))
    customer = f"customers/c-{name}"
    point = TouchPoint(
        name=f"{customer}/touchPoints/t-1",
        channel=CHANNEL_CALL,
        reason="care.call",
        valence=VALENCE_NEGATIVE,
        time_spent=Duration(seconds=300),
    )
    point.start_time.FromDatetime(after(30))
    for _ in range(2):
        await publish(world.service, TouchPointRecorded(touch_point=point), customer)
    [signal] = await told(world, pattern.name, 1)
    assert signal.evidence_records[-1] == f"profile/c-{name}/t-1/{name}"
    await nothing_waits(world)
    assert len(await told(world, pattern.name, 2, seconds=0.2)) == 1
    await remove(world, pattern.name)


async def test_quality_of_voice_is_averaged(world: World) -> None:
    pattern = await make(
        world,
        """
        format: cxmesh-pattern/1
        name: Bad voice
        events: {call: {type: voice_quality}}
        window: {event: call, sliding: 2h, measure: {avg: mos}, below: 3.1, least_count: 3}
        lateness: 0s
        raises: {kind: VOICE_QUALITY, measures: {mos: value}}
        """,
    )
    name = world.profile.hold()
    quality = [pb.VoiceQuality(mos=mos) for mos in (3.5, 2.5, 3.0)] + [pb.VoiceQuality(codec="EVS")]
    for minute, said in enumerate(quality):
        await observe(world, observation(name, after(40 + minute), voice_quality=said))
    world.clock.advance(timedelta(minutes=6))  # sources of other tests are not waited for any more
    [signal] = await told(world, pattern.name, 1)
    assert signal.pattern.measures["mos"] == pytest.approx(3.0)
    await remove(world, pattern.name)


async def test_a_pattern_of_drops_is_for_observations_of_drops_alone(world: World) -> None:
    pattern, name = await make(world, DROPS), world.profile.hold()
    before = await count(world, "correlation_queue")
    await observe(world, observation(name, voice_quality=pb.VoiceQuality(mos=3)))
    assert await count(world, "correlation_queue") == before
    await remove(world, pattern.name)
