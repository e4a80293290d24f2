"""What answers the calls of BillAdviceService?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final

import grpc
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.expected import ExpectedCharge
from billing_accuracy.domain.explaining.parts import Part, PartKind
from billing_accuracy.domain.explaining.wording import Wording, wording_for
from billing_accuracy.domain.following import Follower
from billing_accuracy.errors import InvalidValue
from billing_accuracy.handlers.advise import BillAdviser, BillSoFar, Explained
from billing_accuracy.server.messages import LINE_TYPES
from cxmesh.billing.v1 import bill_advice_service_pb2 as pb
from cxmesh.billing.v1 import bill_pb2, expected_bill_pb2, explanation_pb2
from cxmesh.billing.v1.bill_advice_service_pb2_grpc import BillAdviceServiceServicer
from mesh.api import to_money
from mesh.clock import Clock
from rating import format_amount, to_micros

Context = grpc.aio.ServicerContext[Any, Any]
_KINDS: Final = {kind: explanation_pb2.ExplanationKind.Value(f"EXPLANATION_KIND_{kind}") for kind in PartKind}


class BillAdviceServicer(BillAdviceServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, adviser: BillAdviser, wordings: Mapping[str, Wording], clock: Clock) -> None:
        self._adviser = adviser
        self._wordings = wordings
        self._clock = clock

    async def GetExpectedBill(
        self, request: pb.GetExpectedBillRequest, context: Context
    ) -> expected_bill_pb2.ExpectedBill:
        """What the bill of a cycle should be."""
        now = self._clock.now()
        moment = _moment(request) if request.HasField("cycle_time") else now
        return _expected_bill(await self._adviser.expected(request.subscription, moment, now))

    async def ExplainBill(self, request: pb.ExplainBillRequest, context: Context) -> explanation_pb2.Explanation:
        """Why a bill differs from the one before."""
        found = await self._adviser.explain(request.bill_check.partition("/")[2])
        return _explanation(found, wording_for(request.language_code or "en", self._wordings))


def _moment(request: pb.GetExpectedBillRequest) -> datetime:
    stamp = request.cycle_time
    try:
        moment = stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year < 9998:  # noqa: PLR2004 - as for the periods of bills
        raise InvalidValue("cycle_time", stamp.seconds, "a moment in the years 1970 to 9997")
    return moment


def _expected_bill(found: BillSoFar) -> expected_bill_pb2.ExpectedBill:
    case, expected = found.case, found.expected
    currency = case.bill.currency
    followers = expected.followers.values()
    message = expected_bill_pb2.ExpectedBill(
        subscription=case.subscription.name,
        customer=case.subscription.customer,
        plans=case.plans,
        billing_period=_interval(case.bill.start, case.bill.end),
        lines=[
            *(_line(charge, currency) for charge in expected.charges.values()),
            *(_following(one, currency) for one in followers if one.line_type is not LineType.TAX),
        ],
        taxes=[_tax(one, currency) for one in followers if one.line_type is LineType.TAX],
        total=to_money(to_micros(expected.total), currency),
        record_count=found.record_count,
        unrated_record_count=expected.unrated_records,
    )
    message.as_of_time.FromDatetime(found.as_of)
    return message


def _line(charge: ExpectedCharge, currency: str) -> expected_bill_pb2.ExpectedLine:
    return expected_bill_pb2.ExpectedLine(
        line_type=LINE_TYPES[charge.line_type],
        charge_code=charge.charge_code,
        record_count=max(charge.records),
        quantity=max(charge.quantity),
        amount=to_money(to_micros(charge.amount), currency),
        derivation=charge.derivation(),
    )


def _following(one: Follower, currency: str) -> expected_bill_pb2.ExpectedLine:
    return expected_bill_pb2.ExpectedLine(
        line_type=LINE_TYPES[one.line_type],
        charge_code=one.code,
        amount=to_money(to_micros(one.amount), currency),
        derivation=one.derivation,
    )


def _tax(one: Follower, currency: str) -> bill_pb2.BillTax:
    return bill_pb2.BillTax(
        tax_id=one.code.partition(":")[2],
        percent=format_amount(one.percents[0], 0) if len(one.percents) == 1 else "",
        taxable_amount=to_money(to_micros(one.base), currency),
        amount=to_money(to_micros(one.amount), currency),
    )


def _explanation(found: Explained, wording: Wording) -> explanation_pb2.Explanation:
    check, before = found.check, found.before
    difference = check.billed_total - before.billed_total

    def money(amount: Fraction) -> Money:
        return to_money(to_micros(amount), check.currency)

    return explanation_pb2.Explanation(
        bill_check=f"billChecks/{check.bill_check_id}",
        previous_bill_check=f"billChecks/{before.bill_check_id}",
        billing_period=_interval(check.start, check.end),
        previous_billing_period=_interval(before.start, before.end),
        total=money(check.billed_total),
        previous_total=money(before.billed_total),
        difference=money(difference),
        headline=wording.headline(before.billed_total, check.billed_total, check.currency),
        parts=[_part(part, wording, check.currency) for part in found.parts],
        language_code=str(wording.locale).replace("_", "-"),
    )


def _part(part: Part, wording: Wording, currency: str) -> explanation_pb2.ExplanationPart:
    return explanation_pb2.ExplanationPart(
        kind=_KINDS[part.kind],
        charge_code=part.charge_code,
        amount=to_money(to_micros(part.amount), currency),
        sentence=wording.sentence(part, currency),
        quantity_before=part.before,
        quantity_after=part.after,
        lines=[part.charge_code] if part.charge_code else [],
    )


def _interval(start: datetime, end: datetime) -> Interval:
    interval = Interval()
    interval.start_time.FromDatetime(start)
    interval.end_time.FromDatetime(end)
    return interval
