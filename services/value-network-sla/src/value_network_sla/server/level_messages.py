"""How do levels of a series, and what is missing in it, cross the wire?"""

from google.protobuf.duration_pb2 import Duration

from cxmesh.sla.v1 import measurement_pb2 as pb
from mesh.api import moment_message
from value_network_sla.domain.policing.levels import Level, LevelChange, Levels
from value_network_sla.domain.policing.series import Coverage, Gap


def report_message(levels: Levels, coverage: Coverage) -> pb.LevelReport:
    """What was found in a series."""
    slot = None
    if coverage.interval is not None:
        slot = Duration()
        slot.FromTimedelta(coverage.interval)
    return pb.LevelReport(
        levels=map(_level, levels.levels),
        changes=map(_change, levels.changes),
        measurement_count=coverage.measurements,
        sentinel_count=coverage.sentinels,
        missing_slot_count=coverage.missing_slots,
        expected_slot_count=coverage.expected_slots,
        slot=slot,
        gaps=map(_gap, coverage.gaps),
        penalty=levels.penalty,
        deviation=levels.deviation,
        autocorrelation=levels.autocorrelation,
    )


def _level(level: Level) -> pb.MeasurementLevel:
    return pb.MeasurementLevel(
        start_time=moment_message(level.start),
        end_time=moment_message(level.end),
        value=level.value,
        bucket_count=level.buckets,
    )


def _change(change: LevelChange) -> pb.LevelChange:
    return pb.LevelChange(
        change_time=moment_message(change.time),
        earliest_time=moment_message(change.earliest),
        before=change.before,
        after=change.after,
        deviations=change.deviations,
    )


def _gap(gap: Gap) -> pb.MeasurementGap:
    return pb.MeasurementGap(start_time=moment_message(gap.start), slot_count=gap.slots)
