"""What answers the calls of ProfileService?"""

from customer_profile.server.customer_calls import CustomerCalls
from customer_profile.server.subscription_calls import SubscriptionCalls
from customer_profile.server.touch_point_calls import TouchPointCalls
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer


class ProfileServicer(CustomerCalls, SubscriptionCalls, TouchPointCalls, ProfileServiceServicer):
    """All of them, each noun's in a file of its own."""
