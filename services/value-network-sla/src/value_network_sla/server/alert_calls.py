"""What answers the calls of AlertService?"""

from collections.abc import AsyncIterator
from datetime import datetime

from cxmesh.sla.v1 import alert_pb2
from cxmesh.sla.v1 import alert_service_pb2 as pb
from cxmesh.sla.v1.alert_service_pb2_grpc import AlertServiceServicer
from mesh.rpc import until_draining
from value_network_sla.errors import AlertNotFound
from value_network_sla.handlers.policing.watch_alerts import AlertWatch
from value_network_sla.server.alert_messages import alert_message, state_from
from value_network_sla.server.calls import Context, viewer
from value_network_sla.server.pages import FEW, next_page_token, page_key, page_size
from value_network_sla.server.policing_store import PolicingStore


class AlertServicer(AlertServiceServicer):
    """Every call on alerts."""

    def __init__(self, store: PolicingStore, watch: AlertWatch) -> None:
        self._store = store
        self._watch = watch

    async def GetAlert(self, request: pb.GetAlertRequest, context: Context) -> alert_pb2.Alert:
        """One alert."""
        reader = viewer()
        async with self._store.reading() as records:
            alert = await records.alerts.get(request.name)
        if not reader.sees(alert.partner):
            raise AlertNotFound(request.name)
        return alert_message(alert, reader)

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Context) -> pb.ListAlertsResponse:
        """Alerts, latest first."""
        reader = viewer()
        only, state = reader.only(request.partner), state_from(request.state)
        size, before = page_size(request, FEW), page_key(request, _fired_from, None)
        async with self._store.reading() as records:
            found = await records.alerts.page(only, state, before, size + 1)
        return pb.ListAlertsResponse(
            alerts=[alert_message(alert, reader) for alert in found[:size]],
            next_page_token=next_page_token(request, found, size, lambda each: [each.fire_time, each.name]),
        )

    async def WatchAlerts(
        self, request: pb.WatchAlertsRequest, context: Context
    ) -> AsyncIterator[pb.WatchAlertsResponse]:
        """Changes of alerts as they are committed."""
        reader = viewer()
        async for watched in until_draining(self._watch.watch(request.cursor, reader)):
            yield pb.WatchAlertsResponse(
                alerts=[alert_message(alert, reader) for alert in watched.alerts], cursor=watched.cursor
            )


def _fired_from(fire_time: datetime, name: str) -> tuple[datetime, str] | None:
    return fire_time, name
