"""How is said on the wire what is wrong with a bill run as a whole, and how far it has come?"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from google.type.money_pb2 import Money

from billing_accuracy.domain.runs.exposure import BillingCause, Exposure, Place, by
from billing_accuracy.domain.runs.systematic import SystematicError
from billing_accuracy.handlers.ports import BillRun
from billing_accuracy.handlers.runs.ports import RejectedBill, RunProgress
from billing_accuracy.server.messages import CLASSES
from cxmesh.billing.v1 import bill_run_service_pb2 as pb
from cxmesh.billing.v1 import run_exposure_pb2
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.api import to_money
from rating import to_micros


def progress_message(run: BillRun, progress: RunProgress) -> pb.BillRunProgress:
    """How far a run has come."""
    message = pb.BillRunProgress(
        name=f"billRuns/{run.bill_run_id}/progress",
        checked_count=progress.checked,
        rejected_count=progress.rejected,
        line_count=progress.lines,
        record_count=progress.records,
    )
    if progress.first_time is not None and progress.last_time is not None:
        message.first_check_time.FromDatetime(progress.first_time)
        message.last_check_time.FromDatetime(progress.last_time)
    for one in progress.streams:
        stream = message.streams.add(stream_id=one.stream_id, position=one.position)
        stream.update_time.FromDatetime(one.time)
    return message


def exposure_report(
    run: BillRun, found: Mapping[Place, Exposure], systematic: Sequence[SystematicError], cause_count: int
) -> run_exposure_pb2.RunExposure:
    """What is wrong with a run as a whole."""
    causes = by(found, lambda place: place.cause)
    top = sorted(causes.items(), key=lambda item: (-item[1].weight, -item[1].findings, item[0]))[:cause_count]
    [total] = by(found, lambda _: "").values() or [Exposure()]
    return run_exposure_pb2.RunExposure(
        name=f"billRuns/{run.bill_run_id}/exposure",
        total=_exposure("", total, run),
        by_class=_exposures(by(found, lambda place: str(place.cause.finding_class)), run),
        by_plan=_exposures(by(found, lambda place: place.cause.plan), run),
        by_region=_exposures(by(found, lambda place: place.region), run),
        top_causes=[
            run_exposure_pb2.CauseExposure(
                cause=_cause(cause), exposure=_exposure("", exposure, run), example_bill_checks=_checks(exposure, run)
            )
            for cause, exposure in top
        ],
        systematic_errors=[systematic_error_message(run, one) for one in systematic],
    )


def systematic_error_message(run: BillRun, error: SystematicError) -> run_exposure_pb2.SystematicError:
    """An error that comes from the system."""
    message = run_exposure_pb2.SystematicError(
        cause=_cause(error.cause),
        checked_count=error.checked,
        affected_count=error.exposure.bills,
        exposure=_exposure("", error.exposure, run),
        example_bill_checks=_checks(error.exposure, run),
    )
    message.find_time.FromDatetime(error.time)
    return message


def rejected_bill_message(rejected: RejectedBill) -> pb.RejectedBill:
    """A bill that couldn't be checked."""
    message = pb.RejectedBill(
        name=rejected.name,
        reason=ErrorReason.Value(f"ERROR_REASON_{rejected.reason}"),
        field=rejected.field,
        description=rejected.description,
    )
    message.time.FromDatetime(rejected.time)
    return message


def _cause(cause: BillingCause) -> run_exposure_pb2.BillingCause:
    return run_exposure_pb2.BillingCause(
        finding_class=CLASSES[cause.finding_class], charge_code=cause.charge_code, cause=cause.cause, plan=cause.plan
    )


def _exposures(found: Mapping[str, Exposure], run: BillRun) -> Iterable[run_exposure_pb2.Exposure]:
    return [_exposure(key, exposure, run) for key, exposure in sorted(found.items())]


def _exposure(key: str, exposure: Exposure, run: BillRun) -> run_exposure_pb2.Exposure:
    return run_exposure_pb2.Exposure(
        key=key,
        bill_count=exposure.bills,
        finding_count=exposure.findings,
        overcharge=_money(exposure.overcharge, run),
        leakage=_money(exposure.leakage, run),
    )


def _money(amount: Fraction, run: BillRun) -> Money:
    return to_money(to_micros(amount), run.currency)


def _checks(exposure: Exposure, run: BillRun) -> list[str]:
    return [f"billChecks/{run.bill_run_id}.{bill_id}" for bill_id in exposure.examples]
