"""How do measurements come in from the wire, and which of them break their rules?"""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from cxmesh.sla.v1 import measurement_pb2 as pb
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules
from value_network_sla.domain.policing.measurement import Measurement, StreamReport, VoiceReport, of_call, of_stream
from value_network_sla.errors import InvalidValue
from value_network_sla.server.moments import moment_from

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(hours=1)
"""Clocks of probes go wrong by as much."""


class MeasurementReader:
    """Reads measurements, each by itself."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def read(self, message: pb.Measurement, partner: str, now: datetime) -> Measurement:
        """The measurement that a message means; raises InvalidValue."""
        try:
            self._rules.check(message)
        except RpcError as error:
            first = error.field_violations[0]
            raise InvalidValue(first.field, "what is sent", first.description) from error
        moment = moment_from(message.measure_time, "measure_time")
        if not _EARLIEST <= moment <= now + _AHEAD:
            raise InvalidValue("measure_time", moment.isoformat(), "a time from 2000 to an hour from now")
        return Measurement(
            partner=partner,
            source=message.source,
            measurement_id=message.measurement_id,
            service=message.service,
            resource=message.measured_resource,
            customer=message.customer,
            time=moment,
            values=_values(message),
            digest=hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=16).digest(),
        )


def _values(message: pb.Measurement) -> Mapping[str, float]:
    """What was sent, and what is worked out of it; raises InvalidValue."""
    sent = dict(message.values)
    for name, value in sent.items():
        if not math.isfinite(value):
            raise InvalidValue(f"values[{name}]", value, "a number")
    worked_out: dict[str, float] = {}
    if message.HasField("voice_call"):
        call = message.voice_call
        report = VoiceReport(call.codec, call.network_delay_ms, call.jitter_ms, call.packet_loss_ratio)
        try:
            worked_out |= of_call(report)
        except ValueError as error:
            raise InvalidValue("voice_call", call.codec, str(error)) from error
    if message.HasField("stream_session"):
        stream = message.stream_session
        try:
            worked_out |= of_stream(
                StreamReport(stream.played_seconds, stream.startup_seconds, stream.stall_count, stream.stalled_seconds)
            )
        except ValueError as error:
            raise InvalidValue("stream_session", stream.stall_count, str(error)) from error
    if not sent and not worked_out:
        raise InvalidValue("values", "nothing", "at least one value, a call or a session")
    return {**worked_out, **sent}
