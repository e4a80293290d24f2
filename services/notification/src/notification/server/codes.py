"""Which value of ours is which value of the contract's enum?"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from cxmesh.notification.v1 import message_pb2
from cxmesh.offer.v1 import campaign_pb2
from cxmesh.profile.v1 import customer_pb2
from notification.domain.contacts import Channel
from notification.domain.messages import MessageState
from notification.domain.routes import Purpose
from notification.errors import InvalidValue

E = TypeVar("E", bound=StrEnum)


class Codes(Generic[E]):
    """An enum of the contract beside ours: CHANNEL_EMAIL is "email"."""

    def __init__(self, wire: Any, domain: type[E]) -> None:  # the stubs give each enum a metaclass of its own
        enum: EnumTypeWrapper = wire
        prefix = enum.Name(0).removesuffix("UNSPECIFIED")
        self._to_wire: Mapping[E, Any] = {each: enum.Value(prefix + each.name) for each in domain}
        self._to_domain: Mapping[int, E] = {number: each for each, number in self._to_wire.items()}

    def wire(self, value: E) -> Any:  # assignable to the enum's own field type
        """The contract's value."""
        return self._to_wire[value]

    def find(self, number: int) -> E | None:
        """Our value; None for UNSPECIFIED."""
        return self._to_domain.get(number)

    def get(self, number: int, field: str) -> E:
        """Our value; raises InvalidValue for UNSPECIFIED, and for one that a newer contract has."""
        if number not in self._to_domain:
            raise InvalidValue(field, "one of " + ", ".join(self._to_wire), value=number)
        return self._to_domain[number]


CHANNEL = Codes(customer_pb2.Channel, Channel)
MESSAGE_STATE = Codes(message_pb2.MessageState, MessageState)
PURPOSE = Codes(campaign_pb2.MessagePurpose, Purpose)
