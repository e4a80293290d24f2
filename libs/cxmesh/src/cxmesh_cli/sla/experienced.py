"""What did customers experience of a partner, and what did it cost of the service's satisfaction?"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import grpc

from cxmesh.sla.v1 import satisfaction_pb2
from cxmesh.sla.v1.satisfaction_service_pb2 import MeasureSatisfactionRequest
from cxmesh.sla.v1.satisfaction_service_pb2_grpc import SatisfactionServiceStub
from cxmesh_cli.period import Period
from cxmesh_cli.sla.calls import ask_or_none
from cxmesh_cli.sla.document import Cell, Table

_COLUMNS = (
    "service",
    "sessions",
    "with its trouble",
    "mean score",
    "points lost by a session in trouble",
    "points of the mean that it costs",
    "points that the others cost",
    "remark",
)


def satisfaction_table(channel: grpc.Channel, partner: str, services: Iterable[str], period: Period) -> Table:
    """A line for each service that the partner took part in, whoever asks."""
    call = SatisfactionServiceStub(channel).MeasureSatisfaction
    rows: list[Sequence[Cell]] = []
    for service in sorted(set(services)):
        request = MeasureSatisfactionRequest(service=service, interval=period.message())
        found = ask_or_none(call, request, f"satisfaction with {service}")
        if found is not None:
            rows += [_row(service, found, own) for own in found.parties if own.party.partner == partner]
    return Table(
        name="satisfaction",
        title="Satisfaction, 0 to 100, with 95 % intervals",
        columns=_COLUMNS,
        rows=rows,
        empty="nothing was measured",
    )


def _row(service: str, found: satisfaction_pb2.Satisfaction, own: satisfaction_pb2.PartySatisfaction) -> Sequence[Cell]:
    others = [each.cost.value for each in found.parties if each is not own and each.party != own.party]
    has_cost = own.HasField("cost")
    return (
        service,
        own.session_count,
        own.troubled_session_count,
        _estimate(own.experience) if own.HasField("experience") else None,
        _estimate(own.harm) if has_cost else None,
        _estimate(own.cost) if has_cost else None,
        _points(sum(others)) if has_cost else None,
        own.too_few or ("not to be told from others" if own.confounded else ""),
    )


def _estimate(estimate: satisfaction_pb2.Estimate) -> str:
    return f"{estimate.value:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"


def _points(value: float) -> Fraction:
    return Fraction(round(value * 100), 100)
