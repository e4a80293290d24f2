"""How are calls on income answered?"""

from cxmesh.sla.v1 import revenue_service_pb2 as service_pb2
from cxmesh.sla.v1.revenue_service_pb2_grpc import RevenueServiceServicer
from mesh.api import moment_message
from value_network_sla.domain.settlement.income import Income
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.settlement.record_incomes import Recorded, record_incomes
from value_network_sla.server.calls import Calls, Context
from value_network_sla.server.moments import moment_from, penalty_from

_SESSIONS = "sessions/"


class RevenueServicer(RevenueServiceServicer):
    """Every call of the service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def RecordIncomes(
        self, request: service_pb2.RecordIncomesRequest, context: Context
    ) -> service_pb2.RecordIncomesResponse:
        """Take incomes in, each by itself."""
        incomes: dict[int, Income] = {}
        errors: list[service_pb2.IncomeError] = []
        for place, message in enumerate(request.incomes):
            try:
                incomes[place] = _income_from(message, f"incomes[{place}]")
            except InvalidValue as error:
                errors.append(service_pb2.IncomeError(index=place, field=error.field, message=str(error)))

        async def make(work: Work) -> Recorded:
            return await record_incomes(work, incomes)

        done = await self._calls.change(make)
        errors += [_conflict(place, incomes[place]) for place in done.conflicts]
        return service_pb2.RecordIncomesResponse(
            recorded_count=done.recorded,
            known_count=done.known,
            errors=sorted(errors, key=lambda error: error.index),
            record_time=moment_message(self._calls.clock.now()),
        )


def _income_from(message: service_pb2.Income, field: str) -> Income:
    for side in ("start_time", "end_time"):
        if not message.interval.HasField(side):
            raise InvalidValue(f"{field}.interval.{side}", "nothing", "a moment")
    start = moment_from(message.interval.start_time, f"{field}.interval.start_time")
    end = moment_from(message.interval.end_time, f"{field}.interval.end_time")
    if end < start:
        raise InvalidValue(f"{field}.interval", end.isoformat(), f"an end not before {start.isoformat()}")
    money = penalty_from(message.amount, f"{field}.amount")
    return Income(
        source=message.source,
        income_id=message.income_id,
        service=message.service,
        trace_id=bytes.fromhex(message.session.removeprefix(_SESSIONS)) if message.session else None,
        start=start,
        end=end,
        amount=money.units,
        currency=money.currency,
    )


def _conflict(place: int, income: Income) -> service_pb2.IncomeError:
    field = f"incomes[{place}].income_id"
    error = InvalidValue(field, income.income_id, f"the content that {income.source} sent under this id before")
    return service_pb2.IncomeError(index=place, field=field, message=str(error))
