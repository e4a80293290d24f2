"""How are the calls on touch-points, and on the customer's whole view, answered?"""

from customer_profile.domain.touch_points import TouchPoint
from customer_profile.errors import inside
from customer_profile.handlers.ports import Work
from customer_profile.handlers.read_profiles import get_customers
from customer_profile.handlers.record_touch_points import record_touch_points
from customer_profile.handlers.view_customer import view_customer
from customer_profile.server.calls import Calls, Context
from customer_profile.server.customers import customer_message
from customer_profile.server.pages import page
from customer_profile.server.subscriptions import subscription_message
from customer_profile.server.touch_points import touch_point_from, touch_point_message
from cxmesh.profile.v1 import profile_service_pb2 as pb
from cxmesh.profile.v1 import touch_point_pb2


class TouchPointCalls(Calls):
    """Calls on touch-points and on the view."""

    async def BatchCreateTouchPoints(
        self, request: pb.BatchCreateTouchPointsRequest, context: Context
    ) -> pb.BatchCreateTouchPointsResponse:
        """Records up to 1,000 touch-points, all or none."""
        points = [_point(each, number) for number, each in enumerate(request.touch_points)]

        async def make(work: Work) -> pb.BatchCreateTouchPointsResponse:
            recorded = await record_touch_points(work, points)
            return pb.BatchCreateTouchPointsResponse(touch_points=map(touch_point_message, recorded))

        return await self._once("BatchCreateTouchPoints", request, make)

    async def ListTouchPoints(self, request: pb.ListTouchPointsRequest, context: Context) -> pb.ListTouchPointsResponse:
        """A customer's touch-points, newest first."""
        wanted = page(request)
        customer_id = request.parent.removeprefix("customers/")
        async with self._reading() as records:
            found = await records.touch_points.page(customer_id, wanted.after, wanted.size + 1)
            if not found:
                await get_customers(records.customers, [customer_id])  # nothing of nobody is an error
        shown, token = wanted.cut(found, lambda last: (last.start_time, last.touch_point_id))
        return pb.ListTouchPointsResponse(touch_points=map(touch_point_message, shown), next_page_token=token)

    async def GetCustomerView(self, request: pb.GetCustomerViewRequest, context: Context) -> pb.CustomerView:
        """All that a channel needs to serve a customer now, in one answer."""
        now = self._clock.now()
        async with self._reading() as records:
            view = await view_customer(records, request.name.removeprefix("customers/"), now)
        return pb.CustomerView(
            customer=customer_message(view.customer),
            subscriptions=[subscription_message(each, now) for each in view.subscriptions],
            recent_touch_points=map(touch_point_message, view.recent_touch_points),
            recent_negative_touch_points=view.recent_negative_touch_points,
        )


def _point(message: touch_point_pb2.TouchPoint, number: int) -> TouchPoint:
    with inside(f"touch_points[{number}]"):
        return touch_point_from(message)
