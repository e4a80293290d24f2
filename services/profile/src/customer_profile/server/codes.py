"""Which value of ours is which value of the contract's enum?"""

from customer_profile.domain.customers import Channel, ConsentPurpose, LifeCycleState
from customer_profile.domain.subscriptions import ServiceType, SubscriptionState
from customer_profile.domain.touch_points import Valence
from customer_profile.errors import InvalidValue
from cxmesh.profile.v1 import customer_pb2, subscription_pb2, touch_point_pb2
from mesh.api import Codes

CHANNEL = Codes(customer_pb2.Channel, Channel, InvalidValue)
CONSENT_PURPOSE = Codes(customer_pb2.ConsentPurpose, ConsentPurpose, InvalidValue)
LIFE_CYCLE_STATE = Codes(customer_pb2.LifeCycleState, LifeCycleState, InvalidValue)
SERVICE_TYPE = Codes(subscription_pb2.ServiceType, ServiceType, InvalidValue)
SUBSCRIPTION_STATE = Codes(subscription_pb2.SubscriptionState, SubscriptionState, InvalidValue)
VALENCE = Codes(touch_point_pb2.Valence, Valence, InvalidValue)
