"""How do charges between networks cross the wire, and which break their rules?"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.wholesale.charges import WholesaleCharge
from billing_accuracy.domain.wholesale.comparing import Difference, DifferenceKind
from billing_accuracy.errors import ChargeProblem, InvalidValue, ProblemReason
from billing_accuracy.handlers.wholesale import AgreedTariff, ChargesOutcome, Read, WholesaleReport
from cxmesh.billing.v1 import wholesale_pb2
from cxmesh.billing.v1 import wholesale_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules
from rating import DocumentError, Tariff, format_amount, keeps_accounts, load_tariff, parse_amount

_MOST_DIFFERENCES: Final = 10_000
_NUMBERS: Final = {
    kind: wholesale_pb2.WholesaleDifferenceKind.Value(f"WHOLESALE_DIFFERENCE_KIND_{kind}") for kind in DifferenceKind
}


class ChargeReader:
    """Reads charges between networks from the wire."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def read(self, message: wholesale_pb2.WholesaleCharge) -> Read | ChargeProblem:
        """The charge that a message means, and a digest of it."""
        try:
            self._rules.check(message)
            return _charge(message), hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
        except RpcError as error:
            first = error.field_violations[0]
            return ChargeProblem(ProblemReason.INVALID_CHARGE, first.field, first.description)
        except (ValueError, OverflowError) as error:
            return ChargeProblem(ProblemReason.INVALID_CHARGE, "event_time", f"{error}: expected a moment that can be")


def read_tariff(document: str) -> Tariff:
    """The tariff that a document declares. Raises InvalidValue."""
    field = "inter_operator_tariff.tariff_document"
    try:
        tariff = load_tariff(document)
    except DocumentError as error:
        raise InvalidValue(field, str(error.problems[0]), "a tariff document") from error
    if keeps_accounts(tariff):
        expected = "prices of single records: no allowances, no prices by cycle"
        raise InvalidValue(field, tariff.id, expected)
    return tariff


def tariff_message(tariff: AgreedTariff) -> wholesale_pb2.InterOperatorTariff:
    """What a partner may charge."""
    message = wholesale_pb2.InterOperatorTariff(
        name=f"interOperatorTariffs/{tariff.partner}", tariff_document=tariff.document, digest=tariff.digest
    )
    message.update_time.FromDatetime(tariff.time)
    return message


def rates_from(messages: Iterable[wholesale_pb2.ConversionRate]) -> dict[str, Fraction]:
    """Rates by currency. Raises InvalidValue."""
    found: dict[str, Fraction] = {}
    for number, message in enumerate(messages):
        rate = parse_amount(message.rate)
        if rate <= 0 or message.currency_code in found:
            raise InvalidValue(f"rates[{number}]", message.rate, "a number above zero, once a currency")
        found[message.currency_code] = rate
    return found


def recorded_message(outcome: ChargesOutcome) -> pb.RecordWholesaleChargesResponse:
    """What became of charges."""
    return pb.RecordWholesaleChargesResponse(
        accepted_count=outcome.accepted,
        duplicate_count=outcome.duplicates,
        rejections=[
            pb.WholesaleChargeRejection(
                index=place,
                reason=ErrorReason.Value(f"ERROR_REASON_{problem.reason}"),
                field=problem.field,
                description=problem.description,
            )
            for place, problem in sorted(outcome.problems.items())
        ],
    )


def report_message(report: WholesaleReport) -> pb.CheckWholesaleChargesResponse:
    """What the check of a partner's charges found."""
    totals: dict[DifferenceKind, list[Fraction]] = defaultdict(list)
    for one in report.differences:
        totals[one.kind].append(one.difference)
    return pb.CheckWholesaleChargesResponse(
        event_count=report.events,
        totals=[
            wholesale_pb2.WholesaleDifferenceTotal(
                kind=_NUMBERS[kind],
                count=len(totals[kind]),
                difference=_exact(sum(totals[kind], Fraction())),
                currency_code=report.currency,
            )
            for kind in DifferenceKind
            if kind in totals
        ],
        differences=[_difference(one) for one in report.differences[:_MOST_DIFFERENCES]],
    )


def _difference(one: Difference) -> wholesale_pb2.WholesaleDifference:
    message = wholesale_pb2.WholesaleDifference(
        kind=_NUMBERS[one.kind],
        source=one.key.source,
        record_id=one.key.record_id,
        subscription=one.subscription,
        charged=_exact(one.charged),
        expected="" if one.expected is None else _exact(one.expected),
        retail="" if one.retail is None else _exact(one.retail),
        difference=_exact(one.difference),
        explanation=one.explanation,
    )
    message.event_time.FromDatetime(one.time)
    return message


def _charge(message: wholesale_pb2.WholesaleCharge) -> WholesaleCharge:
    amount = parse_amount(message.amount)
    return WholesaleCharge(
        source=message.source,
        record_id=message.record_id,
        sequence=message.sequence,
        partner=message.partner,
        subscription=message.subscription,
        time=_moment(message),
        item=message.item,
        amount=-amount if message.refund else amount,
        currency=message.currency_code,
    )


def _moment(message: wholesale_pb2.WholesaleCharge) -> datetime:
    moment = message.event_time.ToDatetime(UTC)
    if not 1970 <= moment.year < 9998:  # noqa: PLR2004 - as for usage
        raise ValueError(moment.isoformat())
    return moment


def _exact(amount: Fraction) -> str:
    return format_amount(amount, 0)
