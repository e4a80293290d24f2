"""What do the profile's touch-points say of satisfaction?"""

from collections.abc import Sequence
from typing import Any, Final

from cxmesh.profile.v1.events_pb2 import TouchPointRecorded
from mesh.events import Delivery, Subscription
from mesh.observe import log
from mesh.store import UnitOfWork
from value_network_sla.server.satisfaction_calls import KeptOn
from value_network_sla.server.satisfaction_reading import read_touch_points

GROUP: Final = "value-network-sla"


class TouchPointEvents:
    """Takes in touch-points."""

    def __init__(self, kept_on: KeptOn) -> None:
        self._kept_on = kept_on

    def subscriptions(self) -> list[Subscription[Any]]:
        """What is listened to."""
        return [Subscription(GROUP, TouchPointRecorded, self._take)]

    async def _take(self, uow: UnitOfWork, deliveries: Sequence[Delivery[TouchPointRecorded]]) -> None:
        """Keep the negative ones and survey answers. The events carry names and codes alone, nothing personal."""
        contacts, answers, unreadable = read_touch_points(delivery.message.touch_point for delivery in deliveries)
        for name in unreadable:
            log.warning("a survey touch-point whose outcome is no answer on its scale is passed over", touch_point=name)
        reports = self._kept_on(uow.connection).reports
        await reports.add_contacts(contacts)
        if answers:
            await reports.add_answers(answers)
