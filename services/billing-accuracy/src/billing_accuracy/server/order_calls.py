"""What answers the calls of OrderService?"""

from typing import Any, Final

import grpc

from billing_accuracy.errors import EntryProblem
from billing_accuracy.handlers.prefill_order import Held, OrderDesk, Prefilled
from billing_accuracy.handlers.record_quotes import Read, record_quotes
from billing_accuracy.server.quotes import QuoteReader, quote_message
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import order_service_pb2 as pb
from cxmesh.billing.v1 import quote_pb2
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh.billing.v1.order_service_pb2_grpc import OrderServiceServicer
from cxmesh.profile.v1.customer_pb2 import Channel, ContactMedium
from cxmesh.profile.v1.subscription_pb2 import ServiceType
from mesh.api import to_money
from mesh.clock import Clock
from rating import to_micros

Context = grpc.aio.ServicerContext[Any, Any]
_MOST_QUOTES: Final = 100


class OrderServicer(OrderServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, reader: QuoteReader, desk: OrderDesk, clock: Clock) -> None:
        self._sessions = sessions
        self._reader = reader
        self._desk = desk
        self._clock = clock

    async def RecordQuotes(self, request: pb.RecordQuotesRequest, context: Context) -> pb.RecordQuotesResponse:
        """Stores up to 1,000 quotes, each once."""
        read = [self._read(message) for message in request.quotes]
        async with self._sessions.working() as work:
            outcome = await record_quotes(work.quotes, read)
        return pb.RecordQuotesResponse(
            accepted_count=outcome.accepted,
            duplicate_count=outcome.duplicates,
            rejections=[
                pb.QuoteRejection(
                    index=place,
                    reason=ErrorReason.Value(f"ERROR_REASON_{problem.reason}"),
                    field=problem.field or "quote_id",
                    description=problem.description,
                )
                for place, problem in sorted(outcome.problems.items())
            ],
        )

    async def ListQuotes(self, request: pb.ListQuotesRequest, context: Context) -> pb.ListQuotesResponse:
        """Quotes of one subscription, newest first."""
        async with self._sessions.reading() as kept:
            found = await kept.quotes.of(request.parent, _MOST_QUOTES)
        return pb.ListQuotesResponse(quotes=[quote_message(one) for one in found])

    async def PrefillOrder(self, request: pb.PrefillOrderRequest, context: Context) -> pb.PrefilledOrder:
        """An order in which what is known is filled in."""
        return _order(await self._desk.prefill(request.customer, self._clock.now()))

    def _read(self, message: quote_pb2.Quote) -> Read | EntryProblem:
        try:
            return self._reader.read(message)
        except EntryProblem as problem:
            return problem


def _order(found: Prefilled) -> pb.PrefilledOrder:
    customer = found.customer
    return pb.PrefilledOrder(
        customer=customer.name,
        display_name=customer.display_name,
        contact_media=[
            ContactMedium(channel=_channel(one.channel), address=one.address, preferred=one.preferred)
            for one in customer.media
        ],
        language_code=customer.language_code,
        time_zone=customer.time_zone,
        region_code=customer.region_code,
        bill_cycle_day=found.bill_cycle_day,
        products=[_product(one) for one in found.products],
        missing_fields=found.missing,
    )


def _product(held: Held) -> pb.HeldProduct:
    bill = held.last_bill
    return pb.HeldProduct(
        subscription=held.product.name,
        service_type=ServiceType.Name(held.product.service_type),  # type: ignore[arg-type]  # a number of ServiceType, as it came
        plan=held.product.plan,
        line_identifier=held.product.line_identifier,
        recurring=None if held.recurring is None else to_money(to_micros(held.recurring[0]), held.recurring[1]),
        last_bill=None if bill is None else to_money(to_micros(bill.billed_total), bill.currency),
    )


def _channel(number: int) -> Any:  # Any: a number of Channel, as it came
    return Channel.Name(number)  # type: ignore[arg-type]  # see above
