"""Is satisfaction measured from what customers experienced and said, and does a partner see its own part of it?"""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from cxmesh.profile.v1.events_pb2 import TouchPointRecorded
from cxmesh.profile.v1.touch_point_pb2 import TouchPoint
from cxmesh.sla.v1 import error_reason_pb2, satisfaction_pb2
from cxmesh.sla.v1 import satisfaction_service_pb2 as pb
from cxmesh.sla.v1.satisfaction_service_pb2_grpc import SatisfactionServiceStub
from mesh.events.streams import Envelope, events_key
from mesh.store.outbox import Stream, topic_of
from value_network_sla.handlers.satisfaction.measure import MeasureSatisfaction
from value_network_sla.server.satisfaction_calls import SatisfactionStore
from value_network_sla.store.satisfaction import satisfaction_on
from value_network_sla.store.satisfaction_retention import purge_reports

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY: Any = {"start_time": NOON.replace(hour=0), "end_time": NOON.replace(hour=0) + timedelta(days=1)}
SESSIONS = 60
"""Of 30 customers; the line is late in every second one."""


def calls(network: Any, as_: str = "service/operator") -> Any:
    return SatisfactionServiceStub(network.service.channel(as_))


def experience(number: int, **fields: Any) -> satisfaction_pb2.Experience:
    usual: dict[str, Any] = {
        "source": "player",
        "experience_id": f"e-{number}",
        "customer": f"customers/c{number % 30}",
        "service": "iptv",
        "session": f"sessions/{number:032x}",
        "start_time": NOON,
        "mos": 3.0,
    }
    if {"call", "stream"} & fields.keys():
        del usual["mos"]
    return satisfaction_pb2.Experience(**{key: value for key, value in (usual | fields).items() if value is not None})


def answer(number: int, **fields: Any) -> satisfaction_pb2.SurveyAnswer:
    usual: dict[str, Any] = {
        "source": "tool",
        "answer_id": f"a-{number}",
        "customer": f"customers/c{number % 30}",
        "service": "iptv",
        "scale": satisfaction_pb2.SURVEY_SCALE_CSAT,
        "answer": 3,
        "answer_time": NOON + timedelta(hours=1),
    }
    return satisfaction_pb2.SurveyAnswer(**usual | fields)


async def record(network: Any, experiences: Iterable[satisfaction_pb2.Experience]) -> pb.RecordExperiencesResponse:
    sent = pb.RecordExperiencesRequest(experiences=experiences)
    return await calls(network).RecordExperiences(sent)  # type: ignore[no-any-return]  # untyped stub


async def watched(network: Any, trace_of: Any, request_of: Callable[..., Any]) -> None:
    for number in range(1, SESSIONS + 1):
        line = 400 if number % 2 else 20
        parts = trace_of(number).session(number * 10, line, 150, customer=f"customers/c{number % 30}")
        await network.send(parts, request_of)
    await network.closed(SESSIONS)
    rated = [experience(number, mos=2.0 if number % 2 else 4.0) for number in range(1, SESSIONS + 1)]
    assert (await record(network, rated)).accepted_count == SESSIONS


def request(**fields: Any) -> pb.MeasureSatisfactionRequest:
    return pb.MeasureSatisfactionRequest(**{"service": "iptv", "interval": DAY} | fields)


async def test_the_partner_that_costs_the_most_satisfaction_is_named_with_how_sure_it_is(
    network: Any, trace_of: Any, request_of: Callable[..., Any]
) -> None:
    await watched(network, trace_of, request_of)
    found = await calls(network).MeasureSatisfaction(request())
    assert (found.session_count, found.customer_count, found.unlinked_experience_count) == (60, 30, 0)
    assert (found.experience.value, found.undisturbed.value) == (pytest.approx(50.0), pytest.approx(75.0))
    assert found.experience.low <= 50.0 <= found.experience.high
    first, *others = found.parties
    assert first.party.partner == "partners/acme-access"
    assert (first.session_count, first.troubled_session_count) == (60, 30)
    assert (first.harm.value, first.cost.value) == (pytest.approx(50.0), pytest.approx(25.0))
    assert first.most_costly_share == 1.0
    assert [(each.party.partner, each.cost.value) for each in others] == [("", 0.0), ("partners/best-content", 0.0)]


async def test_a_partner_sees_its_own_line_and_the_rest_as_one(
    network: Any, trace_of: Any, request_of: Callable[..., Any]
) -> None:
    await watched(network, trace_of, request_of)
    found = await calls(network, "partner/best-content").MeasureSatisfaction(request())
    own, rest = found.parties
    assert (own.party.partner, own.cost.value, own.session_count) == ("partners/best-content", 0.0, 60)
    assert rest.others
    assert rest.cost.value == pytest.approx(25.0)
    assert not rest.HasField("party")
    assert "acme" not in str(found)
    assert not found.HasField("experience")
    assert (found.session_count, found.HasField("surveys"), own.most_costly_share) == (0, False, 0.0)


async def test_a_service_is_measured_once_a_day_over_four_weeks(
    network: Any, trace_of: Any, request_of: Callable[..., Any], refused: Any
) -> None:
    await watched(network, trace_of, request_of)
    store = SatisfactionStore(network.service.runtime.store, satisfaction_on)
    job = MeasureSatisfaction(store, lambda: NOON + timedelta(hours=13))
    assert (await job.run(), await job.run()) == (1, 0)
    end = int((NOON.replace(hour=0) + timedelta(days=1)).timestamp())
    (listed,) = (await calls(network).ListSatisfactions(pb.ListSatisfactionsRequest(service="iptv"))).satisfactions
    assert listed.name == f"satisfactions/iptv.{end}"
    assert listed.parties[0].cost.value == pytest.approx(25.0)
    assert listed.interval.start_time.seconds == end - 28 * 86_400
    assert await calls(network).GetSatisfaction(pb.GetSatisfactionRequest(name=listed.name)) == listed
    own = await calls(network, "partner/acme-access").GetSatisfaction(pb.GetSatisfactionRequest(name=listed.name))
    assert [each.others for each in own.parties] == [False, True]
    stranger = calls(network, "partner/stranger")
    assert not (await stranger.ListSatisfactions(pb.ListSatisfactionsRequest())).satisfactions
    error = await refused(stranger.GetSatisfaction(pb.GetSatisfactionRequest(name=listed.name)))
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SATISFACTION_NOT_FOUND")
    error = await refused(stranger.MeasureSatisfaction(request()))
    assert error.status is grpc.StatusCode.NOT_FOUND


async def test_satisfactions_are_listed_latest_first_page_by_page(network: Any) -> None:
    store = SatisfactionStore(network.service.runtime.store, satisfaction_on)
    for service in ("iptv", "voip"):
        await record(network, [experience(1, experience_id=service, service=service, session=None)])
    for day in range(1, 4):
        await MeasureSatisfaction(store, lambda day=day: NOON + timedelta(days=day)).run()
    names: list[str] = []
    asked = pb.ListSatisfactionsRequest(page_size=4)
    while True:
        answered = await calls(network).ListSatisfactions(asked)
        names += [each.name for each in answered.satisfactions]
        if not answered.next_page_token:
            break
        asked.page_token = answered.next_page_token
    ends = [int((NOON.replace(hour=0) + timedelta(days=day)).timestamp()) for day in (3, 2, 1)]
    assert names == [f"satisfactions/{service}.{end}" for end in ends for service in ("iptv", "voip")]


async def test_an_experience_is_kept_once_and_another_under_its_key_is_refused(network: Any) -> None:
    first = await record(network, [experience(1), experience(2), experience(1)])
    assert (first.accepted_count, first.duplicate_count) == (2, 1)
    again = await record(network, [experience(2), experience(1, mos=1.0), experience(3)])
    assert (again.accepted_count, again.duplicate_count) == (1, 1)
    (rejection,) = again.rejections
    assert (rejection.index, rejection.field) == (1, "experience_id")
    assert rejection.reason == error_reason_pb2.ERROR_REASON_ALREADY_EXISTS


IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"source": ""}, "source", "got ''"),
    ({"customer": "customers/jane@example.com"}, "customer", "got 'customers/jane@example.com'"),
    ({"service": "IP TV"}, "service", "got 'IP TV'"),
    ({"session": "sessions/1"}, "session", "got 'sessions/1'"),
    ({"start_time": None}, "start_time", "got 'none', expected a moment"),
    ({"start_time": {"seconds": 10**12}}, "start_time", "expected a time between the years 1 and 9999"),
    ({"mos": None}, "measurement", "expected one of call, stream, mos"),
    ({"mos": 5.5}, "mos", "got '5.5', expected 1 to 5 points"),
    ({"mos": float("nan")}, "mos", "got 'nan', expected 1 to 5 points"),
    ({"call": {"codec": "opus"}}, "call.codec", "got \"'opus'\", expected one of AMR"),
    ({"call": {"codec": "PCMA", "loss_percent": 120}}, "call.loss_percent", "got '120', expected 0 to 100 percent"),
    ({"stream": {"played_seconds": -1}}, "stream.played_seconds", "got '-1', expected 0 to"),
    ({"stream": {"played_seconds": 9, "stalled_seconds": 1}}, "stream.stalls", "got '0', expected at least 1"),
]


async def test_an_experience_that_cannot_be_is_refused_by_name_and_the_others_are_kept(network: Any) -> None:
    sent = [experience(0), *(experience(number, **fields) for number, (fields, _, _) in enumerate(IMPOSSIBLE, start=1))]
    answered = await record(network, sent)
    assert answered.accepted_count == 1
    assert [each.index for each in answered.rejections] == list(range(1, len(IMPOSSIBLE) + 1))
    for rejection, (_, field, words) in zip(answered.rejections, IMPOSSIBLE, strict=True):
        assert rejection.field == field
        assert words in rejection.description


async def test_answers_are_kept_once_and_those_off_the_scale_are_refused(network: Any) -> None:
    sent = [answer(1), answer(1), answer(2, answer=6), answer(3, scale=0), answer(4, service="")]
    answered = await calls(network).RecordSurveyAnswers(pb.RecordSurveyAnswersRequest(answers=sent))
    assert (answered.accepted_count, answered.duplicate_count) == (2, 1)
    assert [(each.index, each.field) for each in answered.rejections] == [(2, "answer"), (3, "scale")]
    assert "got 6, expected 1 to 5 on the scale CSAT" in answered.rejections[0].description


async def test_touch_points_of_the_profile_count_when_they_were_forced_on_the_customer(network: Any) -> None:
    await tell(
        network,
        touch_point("call", "care.call", valence=3),
        touch_point("buy", "shop.order", valence=1),
        touch_point("nps", "survey.nps.iptv", outcome="9"),
        touch_point("bad", "survey.nps.iptv", outcome="often"),
    )
    network.clock.advance(timedelta(minutes=1))
    recorded = await record(network, [experience(1, mos=5.0), experience(31, mos=2.0), experience(61, service="voip")])
    assert not recorded.rejections
    found = await calls(network).GetCustomerSatisfaction(
        pb.GetCustomerSatisfactionRequest(name="customers/c1/satisfaction")
    )
    assert found.negative_touch_point_count == 1
    iptv, voip = found.services
    assert (iptv.service, iptv.experience_count, iptv.mean_score, iptv.worst_score) == ("iptv", 2, 62.5, 25.0)
    assert (iptv.survey_score, voip.HasField("survey_score"), voip.mean_score) == (90.0, False, 50.0)


async def test_a_customers_figures_name_the_partners_in_trouble(
    network: Any, trace_of: Any, request_of: Callable[..., Any]
) -> None:
    await watched(network, trace_of, request_of)
    asked = pb.GetCustomerSatisfactionRequest(name="customers/c1/satisfaction")
    (iptv,) = (await calls(network, "service/offer-decision").GetCustomerSatisfaction(asked)).services
    assert list(iptv.troubled_partners) == ["partners/acme-access"]


async def test_experiences_without_a_session_say_nothing_of_partners(network: Any) -> None:
    await record(network, [experience(number, session=None) for number in range(40)])
    found = await calls(network).MeasureSatisfaction(request())
    assert (found.session_count, found.unlinked_experience_count, len(found.parties)) == (0, 40, 0)
    assert not found.HasField("experience")


async def test_an_interval_that_cannot_be_is_refused(network: Any, refused: Any) -> None:
    for interval, field in (
        ({"start_time": NOON}, "interval.end_time"),
        ({"start_time": NOON, "end_time": NOON}, "interval"),
        ({"start_time": NOON, "end_time": NOON + timedelta(days=93)}, "interval"),
    ):
        error = await refused(calls(network).MeasureSatisfaction(request(interval=interval)))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT
        assert field in [violation.field for violation in error.field_violations]


async def test_what_is_past_its_retention_is_thrown_away(network: Any) -> None:
    await record(network, [experience(1), experience(2, start_time=NOON - timedelta(days=50))])
    await tell(network, touch_point("old", "care.call", valence=3, start_time=NOON - timedelta(days=50)))
    assert await purge_reports(network.service.runtime.store, NOON - timedelta(days=40)) == 2
    assert len(await network.rows("SELECT 1 FROM sla.experience")) == 1


def touch_point(point_id: str, reason: str, **fields: Any) -> TouchPointRecorded:
    usual: dict[str, Any] = {"channel": 1, "start_time": NOON - timedelta(hours=1), "reason": reason}
    return TouchPointRecorded(touch_point=TouchPoint(name=f"customers/c1/touchPoints/{point_id}", **usual | fields))


async def tell(network: Any, *events: TouchPointRecorded) -> None:
    """Publish events as the profile's relay does, and wait until they are handled."""
    redis, ids = network.service.runtime.redis, []
    for event in events:
        made = uuid.uuid4()
        ids.append(made)
        fields = Envelope(
            id=made,
            type=event.DESCRIPTOR.full_name,
            key="customers/c1",
            time=NOON,
            traceparent=None,
            tracestate=None,
            data=event.SerializeToString(),
        ).to_fields("test")
        stream = events_key(Stream(topic_of(event), 0))
        await redis.xadd(stream, dict(zip(fields[::2], fields[1::2], strict=True)))
    for _ in range(500):
        handled = await network.rows("SELECT event_id FROM sla.inbox")
        if {row.event_id for row in handled} >= set(ids):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the events were not handled")
