"""Which experiences, answers and touch-points do messages mean, and why can't some be kept?"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.profile.v1 import touch_point_pb2
from cxmesh.sla.v1 import satisfaction_pb2
from mesh.api import NoMoment, moment_of
from value_network_sla.domain.satisfaction.scale import (
    CallMeasurement,
    GivenMos,
    Measurement,
    StreamMeasurement,
    SurveyScale,
    score_of_answer,
    score_of_mos,
)
from value_network_sla.handlers.satisfaction.ports import AnswerReport, ContactReport, ExperienceReport
from value_network_sla.handlers.satisfaction.record import Refusal

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}")
_CUSTOMER: Final = re.compile(r"customers/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SESSION: Final = re.compile(r"sessions/[0-9a-f]{32}")
_SURVEY: Final = re.compile(r"survey\.(nps|csat|ces)(?:\.([a-z0-9][a-z0-9-]{0,62}))?")
_SHOWN: Final = 80
_SCALES: Final = {satisfaction_pb2.SurveyScale.Value(f"SURVEY_SCALE_{scale.value}"): scale for scale in SurveyScale}
_PROFILE: Final = "profile"
"""Who reports the answers that come as touch-points."""


class _Unfit(Exception):  # noqa: N818 - it becomes a Refusal
    def __init__(self, field: str, value: object, expected: str) -> None:
        shown = repr(value) if isinstance(value, str) else str(value)
        super().__init__(f"got {shown[:_SHOWN]}, expected {expected}")
        self.field = field


def read_experience(message: satisfaction_pb2.Experience) -> ExperienceReport | Refusal:
    """The experience, rated; or why there is none."""
    try:
        return ExperienceReport(
            key=(_matching("source", message.source, _KEY), _matching("experience_id", message.experience_id, _KEY)),
            customer=_matching("customer", message.customer, _CUSTOMER),
            service=_matching("service", message.service, _SERVICE),
            trace_id=_trace_id(message.session),
            start_time=_moment("start_time", message, message.start_time),
            score=round(score_of_mos(_mos(message)), 6),
            digest=_digest(message),
        )
    except _Unfit as unfit:
        return Refusal(unfit.field, str(unfit))


def read_answer(message: satisfaction_pb2.SurveyAnswer) -> AnswerReport | Refusal:
    """The answer, on the scale from 0 to 100; or why there is none."""
    try:
        scale = _scale(message.scale)
        return AnswerReport(
            key=(_matching("source", message.source, _KEY), _matching("answer_id", message.answer_id, _KEY)),
            customer=_matching("customer", message.customer, _CUSTOMER),
            service=_matching("service", message.service, _SERVICE) if message.service else "",
            scale=scale,
            answer=message.answer,
            score=_score(scale, message.answer),
            answer_time=_moment("answer_time", message, message.answer_time),
            trace_id=_trace_id(message.session),
            digest=_digest(message),
        )
    except _Unfit as unfit:
        return Refusal(unfit.field, str(unfit))


def read_touch_points(
    points: Iterable[touch_point_pb2.TouchPoint],
) -> tuple[list[ContactReport], list[AnswerReport], list[str]]:
    """Of the profile's touch-points those that were forced on the customer; survey answers; and answers that are none.

    A survey answered on one of the provider's channels is a touch-point with the reason `survey.nps`, `survey.csat` or
    `survey.ces`, with the service behind it where it was about one (`survey.csat.iptv`), and the answer as its outcome.
    """
    contacts: list[ContactReport] = []
    answers: list[AnswerReport] = []
    unreadable: list[str] = []
    for point in points:
        customer, start_time = point.name.partition("/touchPoints/")[0], moment_of(point.start_time)
        survey = _SURVEY.fullmatch(point.reason)
        if survey is not None:
            answer = _answer_in(point, survey, customer, start_time)
            unreadable.append(point.name) if answer is None else answers.append(answer)
        elif point.valence == touch_point_pb2.VALENCE_NEGATIVE:
            contacts.append(ContactReport(point.name, customer, start_time))
    return contacts, answers, unreadable


def _answer_in(
    point: touch_point_pb2.TouchPoint, survey: re.Match[str], customer: str, answer_time: datetime
) -> AnswerReport | None:
    scale = SurveyScale(survey[1].upper())
    if not re.fullmatch(r"[0-9]{1,2}", point.outcome):
        return None
    answer = int(point.outcome)
    try:
        score = round(score_of_answer(scale, answer), 6)
    except ValueError:
        return None
    key = (_PROFILE, point.name)
    return AnswerReport(key, customer, survey[2] or "", scale, answer, score, answer_time, None, _digest(point))


def _mos(message: satisfaction_pb2.Experience) -> float:
    kind = message.WhichOneof("measurement")
    if kind is None:
        raise _Unfit("measurement", "none", "one of call, stream, mos")
    try:
        return _measurement(message).mos()
    except ValueError as error:  # names the field, what was expected and what was got
        name, _, words = str(error).partition(": ")
        expected, _, value = words.removeprefix("expected ").rpartition(", got ")
        raise _Unfit(name if kind == "mos" else f"{kind}.{name}", value, expected) from error


def _measurement(message: satisfaction_pb2.Experience) -> Measurement:
    if message.HasField("call"):
        call = message.call
        burst_ratio = call.burst_ratio or 1.0
        return CallMeasurement(call.codec, call.network_delay_ms, call.jitter_ms, call.loss_percent, burst_ratio)
    if message.HasField("stream"):
        stream = message.stream
        return StreamMeasurement(
            stream.played_seconds,
            stream.startup_seconds,
            stream.stalls,
            stream.stalled_seconds,
            stream.changes,
            stream.encoding_mos or None,
        )
    return GivenMos(message.mos)


def _scale(number: "satisfaction_pb2.SurveyScale.ValueType") -> SurveyScale:
    if number not in _SCALES:
        raise _Unfit("scale", number, "one of SURVEY_SCALE_NPS, SURVEY_SCALE_CSAT, SURVEY_SCALE_CES")
    return _SCALES[number]


def _score(scale: SurveyScale, answer: int) -> float:
    try:
        return round(score_of_answer(scale, answer), 6)
    except ValueError as error:
        expected = str(error).removeprefix("answer: expected ").rpartition(", got ")[0]
        raise _Unfit("answer", answer, expected) from error


def _matching(field: str, value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise _Unfit(field, value, f"what matches {pattern.pattern}")
    return value


def _trace_id(session: str) -> bytes | None:
    return bytes.fromhex(_matching("session", session, _SESSION).removeprefix("sessions/")) if session else None


def _moment(field: str, message: Message, stamp: Timestamp) -> datetime:
    if not message.HasField(field):
        raise _Unfit(field, "none", "a moment")
    try:
        return moment_of(stamp)
    except NoMoment as error:
        raise _Unfit(field, error.shown, error.EXPECTED) from error


def _digest(message: Message) -> bytes:
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=16).digest()
