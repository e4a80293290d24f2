"""What differs between a partner's charges, what was agreed, and what customers pay?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
from google.type.interval_pb2 import Interval

from cxmesh.billing.v1.wholesale_pb2 import ConversionRate, WholesaleDifference, WholesaleDifferenceKind
from cxmesh.billing.v1.wholesale_service_pb2 import CheckWholesaleChargesRequest, CheckWholesaleChargesResponse
from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub
from cxmesh_cli.console import Json
from cxmesh_cli.csv_rows import write_rows
from cxmesh_cli.rpc.failure import command_error, decode

if TYPE_CHECKING:
    from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub as Stub

_SECONDS: Final = 300.0
_COLUMNS: Final = (
    "kind", "source", "record_id", "subscription", "event_time", "charged", "expected", "retail", "difference",
    "explanation",
)  # fmt: skip


def check_charges(
    channel: grpc.Channel, partner: str, interval: Interval, subscriptions: Sequence[str], rates: Mapping[str, str]
) -> CheckWholesaleChargesResponse:
    """What the check found. `rates`: what one unit of the tariff's currency is worth, by ISO 4217 code.

    Raises a CommandError.
    """
    stub: Stub = WholesaleServiceStub(channel)
    request = CheckWholesaleChargesRequest(
        name=f"interOperatorTariffs/{partner}",
        interval=interval,
        subscriptions=subscriptions,
        rates=[ConversionRate(currency_code=code, rate=rate) for code, rate in rates.items()],
    )
    try:
        return stub.CheckWholesaleCharges(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        raise command_error(decode(error), "CheckWholesaleCharges") from error


def as_document(found: CheckWholesaleChargesResponse) -> Json:
    """For a script; amounts are exact, as text."""
    return {
        "events": found.event_count,
        "totals": [
            {
                "kind": kind_name(one.kind),
                "count": one.count,
                "difference": one.difference,
                "currency": one.currency_code,
            }
            for one in found.totals
        ],
        "differences": [dict(zip(_COLUMNS, _row(one), strict=True)) for one in found.differences],
    }


def found_in_all(found: CheckWholesaleChargesResponse) -> int:
    """Differences, also those that the answer has no room for."""
    return sum(one.count for one in found.totals)


def write_report(found: CheckWholesaleChargesResponse, file: Path) -> None:
    """Differences, a row each; amounts are exact. Raises BadInputError."""
    write_rows(file, _COLUMNS, map(_row, found.differences))


def kind_name(kind: WholesaleDifferenceKind.ValueType) -> str:
    """`retail_below_cost`."""
    return WholesaleDifferenceKind.Name(kind).removeprefix("WHOLESALE_DIFFERENCE_KIND_").lower()


def _row(one: WholesaleDifference) -> tuple[str, ...]:
    moment = one.event_time.ToJsonString()
    return (
        kind_name(one.kind), one.source, one.record_id, one.subscription, moment, one.charged, one.expected,
        one.retail, one.difference, one.explanation,
    )  # fmt: skip
