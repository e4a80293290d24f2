"""How do observations cross the wire, and which break their own rules?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from protovalidate import Validator, Violation

from cxmesh.usage.v1 import observation_pb2 as pb
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.observation_service_pb2 import ObservationRejection, RecordObservationsResponse
from usage_correlation.domain.moments import MICROS, in_range
from usage_correlation.domain.observations.observation import Observation, Outcome, Reason, Rejection, Spread
from usage_correlation.server.wire import SUBSCRIPTIONS, is_valid, timestamp

_NANOS_IN_MICRO: Final = 1000
_NANOS_IN_MILLI: Final = 1_000_000
_MILLIS: Final = 1000
_SHOWN: Final = 80
_KINDS: Final[Mapping[str, str]] = {"location_update": "location"}
"""Event types whose name is not that of the detail."""
_DETAILS: Final[Mapping[str, str]] = {kind: detail for detail, kind in _KINDS.items()}
_FAILURES: Final = {
    pb.CALL_FAILURE_KIND_DROPPED: "dropped",
    pb.CALL_FAILURE_KIND_ACCESS: "access",
}
_OF_PLACES: Final = ("service_alert", "local_event")


class ObservationRules:
    """The rules in the proto of Observation, and those that a proto can't state."""

    def __init__(self) -> None:
        self._validator = Validator()
        self._validator.collect_violations(pb.Observation())  # compiles them now, not in the first call

    def sort(self, messages: Sequence[pb.Observation]) -> tuple[list[Observation], dict[int, Rejection]]:
        """The sound ones, and by position why the others are refused."""
        sound: list[Observation] = []
        refused: dict[int, Rejection] = {}
        for position, message in enumerate(messages):
            violations = self._validator.collect_violations(message)
            rejection = _broken_rule(violations[0]) if violations else _impossible(message)
            if rejection is None:
                sound.append(_observation(position, message))
            else:
                refused[position] = rejection
        return sound, refused


def _broken_rule(violation: Violation) -> Rejection:
    """The rule that a field breaks, with the field's value unless that is personal."""
    elements = list(violation.proto.field.elements) if violation.proto.field is not None else []
    path = ".".join(element.field_name for element in elements)
    rule = violation.proto.message or violation.proto.rule_id
    value = violation.field_value
    shown = isinstance(value, str | int | float) and not _is_personal([each.field_name for each in elements])
    return Rejection(Reason.INVALID_OBSERVATION, path, f"{str(value)[:_SHOWN]}: {rule}" if shown else rule)


def _is_personal(path: Sequence[str]) -> bool:
    descriptor = pb.Observation.DESCRIPTOR
    for name in path:
        field = descriptor.fields_by_name[name]
        if field.GetOptions().debug_redact:
            return True
        if field.message_type is None:
            return False
        descriptor = field.message_type
    return False


def _impossible(message: pb.Observation) -> Rejection | None:
    detail = message.WhichOneof("detail") or ""
    said = getattr(message, detail)
    moments = {"observe_time": message.observe_time}
    if detail in _OF_PLACES:
        moments[f"{detail}.start_time"] = said.start_time
        if said.HasField("end_time"):
            moments[f"{detail}.end_time"] = said.end_time
        if not said.cells and not said.areas:
            return Rejection(Reason.INVALID_OBSERVATION, f"{detail}.cells", "none: cells or areas are needed")
    for field, moment in moments.items():
        if not is_valid(moment) or not in_range(moment.seconds * MICROS):
            description = f"{moment.seconds} s {moment.nanos} ns: must be a moment in the years 1970 to 9998"
            return Rejection(Reason.INVALID_OBSERVATION, field, description)
    if detail in _OF_PLACES and said.HasField("end_time") and _micros(said.end_time) <= _micros(said.start_time):
        description = f"{said.end_time.ToJsonString()}: must be after start_time"
        return Rejection(Reason.INVALID_OBSERVATION, f"{detail}.end_time", description)
    text = _with_nul(message)
    return None if text is None else Rejection(Reason.INVALID_OBSERVATION, text, "must not hold NUL characters")


def _with_nul(message: Any, path: str = "") -> str | None:
    """The first text that PostgreSQL can't keep; Any: a message."""
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        if field.type == FieldDescriptor.TYPE_STRING:
            if any("\0" in each for each in ([value] if isinstance(value, str) else value)):
                return here
        elif field.type == FieldDescriptor.TYPE_MESSAGE and (found := _with_nul(value, f"{here}.")) is not None:
            return found
    return None


def _micros(message: Any) -> int:
    """Any: a Timestamp."""
    return int(message.seconds) * MICROS + int(message.nanos) // _NANOS_IN_MICRO


def _observation(position: int, message: pb.Observation) -> Observation:
    detail = message.WhichOneof("detail") or ""
    said = getattr(message, detail)
    content = _CONTENTS[detail](said)
    if detail not in _OF_PLACES and detail != "touch_point":
        content["cell"] = message.cell
    return Observation(
        position,
        message.source,
        message.observation_id,
        message.subscription.removeprefix(SUBSCRIPTIONS),
        _KINDS.get(detail, detail),
        _micros(message.observe_time),
        content,
        _spread(said) if detail in _OF_PLACES else None,
    )


def _spread(said: Any) -> Spread:
    """Each place once; Any: a ServiceAlert or a LocalEvent."""
    end = _micros(said.end_time) if said.HasField("end_time") else None
    revised = (said.alert_id, said.revision) if isinstance(said, pb.ServiceAlert) else ("", 0)
    places = tuple(sorted(set(said.cells))), tuple(sorted(set(said.areas)))
    return Spread(_micros(said.start_time), end, *places, *revised)


def _voice(said: pb.VoiceQuality) -> dict[str, Any]:
    """Any: see Content, here and below."""
    measured = ("delay_ms", "jitter_ms", "loss_percent", "burst_ratio", "mos", "r_factor")
    values = {name: getattr(said, name) if said.HasField(name) else None for name in measured}  # type: ignore[arg-type]  # names of its fields
    seconds = None if not said.HasField("talk_duration") else _millis(said.talk_duration) / _MILLIS
    return {"codec": said.codec, **values, "seconds": seconds}


def _stream(said: pb.StreamQuality) -> dict[str, Any]:
    def lasted(name: str) -> float | None:
        return _millis(getattr(said, name)) if said.HasField(name) else None  # type: ignore[arg-type]  # the same

    return {
        "service": said.service,
        "startup_ms": lasted("startup_duration"),
        "rebuffering_count": said.rebuffering_count,
        "rebuffering_ms": lasted("rebuffering_duration"),
        "played_ms": lasted("play_duration"),
        "bitrate_kbps": said.bitrate_kbps if said.HasField("bitrate_kbps") else None,
        "failed": said.failed,
        "content_id": said.content_id,
    }


def _failure(said: pb.CallFailure) -> dict[str, Any]:
    return {
        "kind": _FAILURES[said.kind],
        "service": said.service,
        "cause": said.cause,
        "technology": said.technology,
    }


def _device(said: pb.DeviceSeen) -> dict[str, Any]:
    return {"tac": said.tac, "imei": said.imei, "model": said.model, "capabilities": list(said.capabilities)}


def _place(said: pb.LocationUpdate) -> dict[str, Any]:
    return {"area": said.area, "network": said.network}


def _contact(said: pb.ContactSeen) -> dict[str, Any]:
    unknown = {"valence": "", "resolved": False, "seconds": None}
    return {"channel": said.channel, "reason": said.reason, "outcome": said.outcome, **unknown}


def _alert(said: pb.ServiceAlert) -> dict[str, Any]:
    return {"service": said.service, "severity": said.severity}


def _event(said: pb.LocalEvent) -> dict[str, Any]:
    return {"kind": said.kind, "name": said.display_name, "attendance": said.attendance}


_CONTENTS: Final[Mapping[str, Any]] = {  # Any: each takes its own message
    "voice_quality": _voice,
    "stream_quality": _stream,
    "call_failure": _failure,
    "device_seen": _device,
    "location_update": _place,
    "touch_point": _contact,
    "service_alert": _alert,
    "local_event": _event,
}


def _millis(duration: Duration) -> float:
    return duration.seconds * _MILLIS + duration.nanos / _NANOS_IN_MILLI


def response_of(outcome: Outcome) -> RecordObservationsResponse:
    """The answer to RecordObservations."""
    rejections = [
        ObservationRejection(
            index=position,
            reason=ErrorReason.Value(f"ERROR_REASON_{rejection.reason}"),
            field=rejection.field,
            description=rejection.description,
        )
        for position, rejection in sorted(outcome.rejections.items())
    ]
    return RecordObservationsResponse(
        accepted_count=outcome.accepted, duplicate_count=outcome.duplicates, rejections=rejections
    )


def observation_message(observation: Observation) -> pb.Observation:
    """A stored observation of a subscriber."""
    content = dict(observation.content)
    message = pb.Observation(
        source=observation.source,
        observation_id=observation.id,
        subscription=f"{SUBSCRIPTIONS}{observation.subscription}",
        observe_time=timestamp(observation.micros),
        cell=content.pop("cell", ""),
    )
    detail = getattr(message, _DETAILS.get(observation.kind, observation.kind))
    detail.SetInParent()
    for name, value in _fields_of(observation.kind, content).items():
        if isinstance(value, Duration):
            getattr(detail, name).CopyFrom(value)
        elif isinstance(value, list):
            getattr(detail, name).extend(value)
        elif value is not None:
            setattr(detail, name, value)
    return message


def _fields_of(kind: str, content: dict[str, Any]) -> Mapping[str, Any]:
    """The fields of the detail; Any: see Content."""
    match kind:
        case "voice_quality":
            seconds = content.pop("seconds")
            return {**content, "talk_duration": _duration(seconds, _MILLIS)}
        case "stream_quality":
            names = {"startup_ms": "startup", "rebuffering_ms": "rebuffering", "played_ms": "play"}
            lasted = {f"{name}_duration": _duration(content.pop(field), 1) for field, name in names.items()}
            return {**content, **lasted}
        case "call_failure":
            kinds = {name: number for number, name in _FAILURES.items()}
            return {**content, "kind": kinds[content["kind"]]}
        case "touch_point":
            return {name: content[name] for name in ("channel", "reason", "outcome")}
    return content


def _duration(value: float | None, millis: int) -> Duration | None:
    if value is None:
        return None
    seconds, rest = divmod(round(value * millis * _NANOS_IN_MILLI), _MILLIS * _NANOS_IN_MILLI)
    return Duration(seconds=seconds, nanos=rest)
