"""What answers the calls of MeasurementService?"""

import asyncio
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.type.interval_pb2 import Interval

from cxmesh.sla.v1 import measurement_pb2
from cxmesh.sla.v1 import measurement_service_pb2 as pb
from cxmesh.sla.v1.measurement_service_pb2_grpc import MeasurementServiceServicer
from value_network_sla.domain.policing.levels import LevelTerms, TooManyBuckets, find_levels
from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.series import coverage_of
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.policing.record_measurements import record_measurements
from value_network_sla.server.calls import Context, viewer
from value_network_sla.server.level_messages import report_message
from value_network_sla.server.measurement_reading import MeasurementReader
from value_network_sla.server.moments import moment_from, whole_seconds_from
from value_network_sla.server.policing_store import PolicingStore

_DEFAULTS = LevelTerms()
_MINUTE = timedelta(minutes=1)


class MeasurementServicer(MeasurementServiceServicer):
    """Every call on measurements."""

    def __init__(self, store: PolicingStore, reader: MeasurementReader) -> None:
        self._store = store
        self._reader = reader

    async def RecordMeasurements(
        self, request: pb.RecordMeasurementsRequest, context: Context
    ) -> pb.RecordMeasurementsResponse:
        """Take measurements in, each by itself."""
        viewer().check_partner(request.partner)
        sound: dict[int, Measurement] = {}
        rejections: dict[int, pb.MeasurementRejection] = {}
        for index, message in enumerate(request.measurements):
            try:
                sound[index] = self._reader.read(message, request.partner, self._store.clock.now())
            except InvalidValue as error:
                rejections[index] = _rejection(index, error)
        done = await self._store.change(lambda work: record_measurements(work, request.partner, list(sound.values())))
        taken = {id(each) for each in done.conflicting}
        for index, each in sound.items():
            if id(each) in taken:
                wrong = InvalidValue("measurement_id", each.measurement_id, "an id that has no other content")
                rejections[index] = _rejection(index, wrong)
        return pb.RecordMeasurementsResponse(
            accepted_count=done.accepted,
            duplicate_count=done.duplicates,
            sentinel_count=done.sentinels,
            rejections=[rejections[index] for index in sorted(rejections)],
        )

    async def FindLevelChanges(
        self, request: pb.FindLevelChangesRequest, context: Context
    ) -> measurement_pb2.LevelReport:
        """When a series changed its level."""
        viewer().check_partner(request.partner)
        terms, slot = _terms(request), _length(request.slot, "slot") if request.HasField("slot") else None
        async with self._store.reading() as records:
            await records.partners.get(request.partner)
            series = await records.measurements.series(
                request.partner, request.service, request.measured_resource, request.metric, _bounds(request.interval)
            )
        try:
            levels = await asyncio.to_thread(find_levels, series, terms)
        except TooManyBuckets as error:
            raise InvalidValue("bucket", terms.bucket, str(error)) from error
        return report_message(levels, coverage_of(series, slot))


def _terms(request: pb.FindLevelChangesRequest) -> LevelTerms:
    """How to look, by default or as asked for; raises InvalidValue."""
    bucket = _length(request.bucket, "bucket") if request.HasField("bucket") else _DEFAULTS.bucket
    if bucket % _MINUTE:
        raise InvalidValue("bucket", bucket, "whole minutes")
    chosen = {
        name: getattr(request, name) if request.HasField(name) else getattr(_DEFAULTS, name)
        for name in ("quantile", "least_samples", "least_buckets", "penalty_factor", "least_change")
    }
    return LevelTerms(bucket=bucket, **chosen)


def _length(message: Duration, field: str) -> timedelta:
    return whole_seconds_from(message, field)


def _bounds(interval: Interval) -> tuple[datetime | None, datetime | None]:
    start = moment_from(interval.start_time, "interval.start_time") if interval.HasField("start_time") else None
    end = moment_from(interval.end_time, "interval.end_time") if interval.HasField("end_time") else None
    if start is not None and end is not None and end < start:
        raise InvalidValue("interval", f"an end {start - end} before its start", "a start not after the end")
    return start, end


def _rejection(index: int, error: InvalidValue) -> pb.MeasurementRejection:
    description = f"got {error.value!r}, expected {error.expected}"
    return pb.MeasurementRejection(index=index, field=error.field, description=description[:1000])
