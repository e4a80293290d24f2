"""How are calls on attainments and breaches answered?"""

from datetime import datetime, timedelta

from cxmesh.sla.v1 import attainment_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from value_network_sla.server.breaches import attainment_message, breach_message
from value_network_sla.server.calls import Calls, Context, viewer
from value_network_sla.server.pages import FEW, next_page_token, page_key, page_size

_TROUBLE_LASTS = timedelta(hours=24)


class BreachCalls:
    """The part of the service that is about promises kept and broken."""

    _calls: Calls

    async def ListAttainments(
        self, request: service_pb2.ListAttainmentsRequest, context: Context
    ) -> service_pb2.ListAttainmentsResponse:
        """Attainment of an agreement, latest window first."""
        del context
        size, before = page_size(request, FEW), page_key(request, _window_from, None)
        async with self._calls.reading() as records:
            agreement = viewer().check_agreement(await records.agreements.get(request.parent))
            found = await records.windows.page(agreement, before, size + 1)
        return service_pb2.ListAttainmentsResponse(
            attainments=map(attainment_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda attainment: [attainment.window_start]),
        )

    async def GetBreach(self, request: service_pb2.GetBreachRequest, context: Context) -> attainment_pb2.Breach:
        """One breach."""
        del context
        async with self._calls.reading() as records:
            return breach_message(viewer().check_breach(await records.breaches.get(request.name)), viewer())

    async def ListBreaches(
        self, request: service_pb2.ListBreachesRequest, context: Context
    ) -> service_pb2.ListBreachesResponse:
        """Breaches, latest first; to a partner, its own."""
        del context
        reader = viewer()
        only = reader.only(request.partner)
        size, before = page_size(request, FEW), page_key(request, _breach_from, None)
        async with self._calls.reading() as records:
            found = await records.breaches.page(only, before, size + 1)
        return service_pb2.ListBreachesResponse(
            breaches=[breach_message(breach, reader) for breach in found[:size]],
            next_page_token=next_page_token(request, found, size, lambda breach: [breach.detect_time, breach.name]),
        )

    async def ListCustomerBreaches(
        self, request: service_pb2.ListCustomerBreachesRequest, context: Context
    ) -> service_pb2.ListCustomerBreachesResponse:
        """Breaches of the last 24 hours that hit a customer, latest first."""
        del context
        since = self._calls.clock.now() - _TROUBLE_LASTS
        async with self._calls.reading() as records:
            found = await records.breaches.of_customer(request.customer, since)
        return service_pb2.ListCustomerBreachesResponse(breaches=map(breach_message, found))


def _window_from(start: datetime) -> datetime | None:
    return start


def _breach_from(detect_time: datetime, name: str) -> tuple[datetime, str] | None:
    return detect_time, name
