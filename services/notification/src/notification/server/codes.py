"""Which value of ours is which value of the contract's enum?"""

from cxmesh.notification.v1 import message_pb2
from cxmesh.offer.v1 import campaign_pb2
from cxmesh.profile.v1 import customer_pb2
from mesh.api import Codes
from notification.domain.contacts import Channel
from notification.domain.messages import MessageState
from notification.domain.routes import Purpose
from notification.errors import InvalidValue

CHANNEL = Codes(customer_pb2.Channel, Channel, InvalidValue)
MESSAGE_STATE = Codes(message_pb2.MessageState, MessageState, InvalidValue)
PURPOSE = Codes(campaign_pb2.MessagePurpose, Purpose, InvalidValue)
