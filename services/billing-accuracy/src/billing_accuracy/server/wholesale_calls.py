"""What answers the calls of WholesaleService?"""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, Final

import grpc
from google.type.interval_pb2 import Interval
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.errors import InvalidValue
from billing_accuracy.handlers.wholesale import AgreedTariff, WholesaleCharges, WholesaleChecker, record_charges
from billing_accuracy.server.wholesale import (
    ChargeReader,
    rates_from,
    read_tariff,
    recorded_message,
    report_message,
    tariff_message,
)
from cxmesh.billing.v1 import wholesale_pb2
from cxmesh.billing.v1 import wholesale_service_pb2 as pb
from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceServicer
from mesh.clock import Clock
from mesh.store import Store
from rating import Cycle

Context = grpc.aio.ServicerContext[Any, Any]
Kept = Callable[[AsyncConnection], WholesaleCharges]
"""What is kept, seen through a connection."""
_LONGEST: Final = timedelta(days=62)


class WholesaleCalls(WholesaleServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, store: Store, kept: Kept, reader: ChargeReader, checker: WholesaleChecker, clock: Clock) -> None:
        self._store = store
        self._kept = kept
        self._reader = reader
        self._checker = checker
        self._clock = clock

    async def SetInterOperatorTariff(
        self, request: pb.SetInterOperatorTariffRequest, context: Context
    ) -> wholesale_pb2.InterOperatorTariff:
        """Sets what a partner may charge."""
        sent = request.inter_operator_tariff
        await asyncio.to_thread(read_tariff, sent.tariff_document)
        digest = hashlib.sha256(sent.tariff_document.encode()).hexdigest()
        tariff = AgreedTariff(_id(sent.name), sent.tariff_document, digest, self._clock.now())
        async with self._store.unit_of_work() as uow:
            return tariff_message(await self._kept(uow.connection).set_tariff(tariff))

    async def GetInterOperatorTariff(
        self, request: pb.GetInterOperatorTariffRequest, context: Context
    ) -> wholesale_pb2.InterOperatorTariff:
        """What a partner may charge."""
        async with self._store.reading() as connection:
            return tariff_message(await self._kept(connection).tariff(_id(request.name)))

    async def RecordWholesaleCharges(
        self, request: pb.RecordWholesaleChargesRequest, context: Context
    ) -> pb.RecordWholesaleChargesResponse:
        """Stores up to 1,000 charges, each once."""
        read = [self._reader.read(message) for message in request.charges]
        async with self._store.unit_of_work() as uow:
            return recorded_message(await record_charges(self._kept(uow.connection), read))

    async def CheckWholesaleCharges(
        self, request: pb.CheckWholesaleChargesRequest, context: Context
    ) -> pb.CheckWholesaleChargesResponse:
        """Compares a partner's charges with what was agreed, and with what customers are charged."""
        period, rates, partner = _period(request.interval), rates_from(request.rates), _id(request.name)
        async with self._store.reading() as connection:
            kept = self._kept(connection)
            document = (await kept.tariff(partner)).document
            charges = await kept.between(partner, period.start, period.end)
        agreed = await asyncio.to_thread(read_tariff, document)
        report = await self._checker.check(partner, charges, agreed, period, request.subscriptions, rates)
        return await asyncio.to_thread(report_message, report)


def _period(interval: Interval) -> Cycle:
    for name in ("start_time", "end_time"):
        if not interval.HasField(name):
            raise InvalidValue(f"interval.{name}", None, "both bounds of the interval")
    try:
        start, end = (getattr(interval, name).ToDatetime(UTC) for name in ("start_time", "end_time"))
    except (ValueError, OverflowError) as error:
        raise InvalidValue("interval", str(error), "moments that can be") from error
    if not start < end <= start + _LONGEST:
        shown = f"{start.isoformat()} to {end.isoformat()}"
        raise InvalidValue("interval", shown, f"an interval of at most {_LONGEST.days} days")
    return Cycle(start, end)


def _id(name: str) -> str:
    return name.partition("/")[2]
