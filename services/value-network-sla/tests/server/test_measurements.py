"""Are measurements kept once, each refused by itself, and are changes of level found in them?"""

import csv
import math
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.interval_pb2 import Interval

from cxmesh.sla.v1 import measurement_pb2
from cxmesh.sla.v1 import measurement_service_pb2 as pb
from mesh.api import moment_message
from mesh.rpc import RpcError

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_world import BEST, MINUTE, NOON, Police, speed

Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
TESTS = DATA / "speedtest" / "speedtests_2017-10_2019-04.csv"


@pytest.fixture
def police(network: Any) -> Police:
    return Police(network)


async def test_what_comes_again_is_no_other_measurement(police: Police) -> None:
    first = await police.measure(speed(1, 40), speed(2, 40))
    again = await police.measure(speed(1, 40), speed(2, 39), speed(3, 40))
    assert (first.accepted_count, first.duplicate_count) == (2, 0)
    assert (again.accepted_count, again.duplicate_count) == (1, 1)
    [rejection] = again.rejections
    assert (rejection.index, rejection.field) == (1, "measurement_id")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"source": ""}, "source"),
    ({"measurement_id": "a b"}, "measurement_id"),
    ({"service": "Broad Band"}, "service"),
    ({"customer": "c1"}, "customer"),
    ({"measure_time": None}, "measure_time"),
    ({"measure_time": moment_message(NOON + timedelta(hours=2))}, "measure_time"),
    ({"measure_time": moment_message(datetime(1999, 12, 31, tzinfo=UTC))}, "measure_time"),
    ({"values": {}}, "values"),
    ({"values": {"Speed": 1.0}}, "values"),
    ({"values": {"mos": math.nan}}, "values"),
    ({"voice_call": measurement_pb2.VoiceCall(codec="tin can")}, "voice_call"),
    ({"voice_call": measurement_pb2.VoiceCall(codec="PCMA", packet_loss_ratio=1.5)}, "voice_call"),
    ({"stream_session": measurement_pb2.StreamSession(played_seconds=9, stalled_seconds=3)}, "stream_session"),
]


async def test_a_measurement_that_is_wrong_is_refused_by_itself(police: Police) -> None:
    wrong = [speed(number, 40, **fields) for number, (fields, _) in enumerate(WRONG, start=1)]
    done = await police.measure(speed(0, 40), *wrong, speed(99, 40))
    assert done.accepted_count == 2
    assert [rejection.index for rejection in done.rejections] == list(range(1, len(WRONG) + 1))
    for rejection, (_, field) in zip(done.rejections, WRONG, strict=True):
        assert rejection.field.startswith(field), rejection


async def test_calls_and_films_are_rated(police: Police) -> None:
    call = measurement_pb2.VoiceCall(codec="PCMA", network_delay_ms=20)
    film = measurement_pb2.StreamSession(played_seconds=90, startup_seconds=2, stall_count=1, stalled_seconds=10)
    done = await police.measure(
        speed(1, 40, values={}, voice_call=call),
        speed(2, 40, values={"stream_mos": 2.5}, stream_session=film),
    )
    assert done.accepted_count == 2
    rows = await police.network.rows("SELECT metric, value FROM sla.measurement_value ORDER BY metric")
    values = {row.metric: row.value for row in rows}
    assert set(values) == {"mos", "r_factor", "rebuffering_ratio", "startup_seconds", "stream_mos"}
    assert values["r_factor"] > 90
    assert values["rebuffering_ratio"] == pytest.approx(0.1)
    assert values["stream_mos"] == 2.5  # what was measured goes before what is worked out


async def test_an_objective_on_opinion_scores_is_kept_by_calls(police: Police) -> None:
    await police.promise(
        """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: call-quality
  annotations: {cxmesh.io/partner: acme-access, cxmesh.io/effective-from: "2026-01-01T00:00:00Z"}
spec:
  service: voip
  indicator:
    metadata: {name: mos}
    spec: {thresholdMetric: {metricSource: {type: cxmesh, spec: {source: measurements, metric: mos}}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: RatioTimeslices
  objectives: [{op: gte, value: 3.6, target: 0.9, timeSliceWindow: 1h}]
"""
    )
    calls = [measurement_pb2.VoiceCall(codec="PCMA", packet_loss_ratio=loss) for loss in (0, 0, 0.1, 0)]
    await police.measure(
        *(
            speed(number, 0, values={}, voice_call=call, service="voip", measure_time=moment_message(NOON - MINUTE))
            for number, call in enumerate(calls)
        )
    )

    async def counted() -> Any:
        found = await police.attained("call-quality")
        return found if found.event_count == 4 else None

    found = await police.when(counted)
    assert (found.attained_ppb, found.slice_count, found.missed) == (750_000_000, 1, True)


async def test_a_partner_records_and_reads_in_its_own_name_alone_and_in_batches(
    police: Police, refused: Refused
) -> None:
    assert (await refused(police.measure(speed(1, 40), as_=BEST))).status is grpc.StatusCode.NOT_FOUND
    request = pb.FindLevelChangesRequest(partner="partners/acme-access", service="broadband", metric="download_mbps")
    error = await refused(police.measurements(BEST).FindLevelChanges(request))
    assert error.status is grpc.StatusCode.NOT_FOUND
    assert (await police.measure(speed(1, 40), as_="service/operator")).accepted_count == 1
    for count in (0, 1001):
        error = await refused(police.measure(*(speed(number, 40) for number in range(count))))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT


WRONG_WAYS: list[tuple[dict[str, Any], str]] = [
    ({"bucket": Duration(seconds=90)}, "bucket"),
    ({"quantile": 1.5}, "quantile"),
    ({"penalty_factor": 0}, "penalty_factor"),
    (
        {"interval": Interval(start_time=moment_message(NOON), end_time=moment_message(NOON - MINUTE))},
        "interval",
    ),
]


async def _check_ways(police: Police, refused: Refused) -> None:
    usual = {"partner": "partners/acme-access", "service": "broadband", "metric": "download_mbps"}
    for fields, field in WRONG_WAYS:
        error = await refused(police.measurements().FindLevelChanges(pb.FindLevelChangesRequest(**usual | fields)))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT
        assert field in {violation.field for violation in error.field_violations}


async def test_the_levels_of_a_real_line_are_dated_by_a_call(police: Police, refused: Refused) -> None:
    await _check_ways(police, refused)
    if not TESTS.exists():
        pytest.skip(f"{TESTS} is not here (CXMESH_TEST_DATA)")
    with TESTS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "2018-03" <= row["datetimestart"] < "2018-08"]
    measured = [
        speed(
            number,
            0,
            measure_time=moment_message(datetime.fromisoformat(row["datetimestart"]).replace(tzinfo=UTC)),
            values={"download_mbps": float(row["download"]), "latency_ms": float(row["ping"])},
        )
        for number, row in enumerate(rows)
    ]
    for first in range(0, len(measured), 1000):
        assert (await police.measure(*measured[first : first + 1000])).accepted_count > 0
    request = pb.FindLevelChangesRequest(
        partner="partners/acme-access", service="broadband", measured_resource="line-1", metric="download_mbps"
    )
    report = await police.measurements().FindLevelChanges(request)
    [change] = report.changes
    assert change.change_time.ToDatetime().strftime("%Y-%m") == "2018-05"
    assert change.before < 35
    assert change.after > 50
    assert report.missing_slot_count > 0
    assert report.slot.seconds == 1800
    assert report.penalty > 0
