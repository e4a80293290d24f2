"""Which value of ours is which value of the contract's enum?"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from customer_profile.domain.customers import Channel, ConsentPurpose, LifeCycleState
from customer_profile.domain.subscriptions import ServiceType, SubscriptionState
from customer_profile.domain.touch_points import Valence
from customer_profile.errors import InvalidValue
from cxmesh.profile.v1 import customer_pb2, subscription_pb2, touch_point_pb2

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
        """Our value; raises InvalidValue for UNSPECIFIED."""
        if number not in self._to_domain:
            raise InvalidValue(field, "one of " + ", ".join(self._to_wire), value="unspecified")
        return self._to_domain[number]


CHANNEL = Codes(customer_pb2.Channel, Channel)
CONSENT_PURPOSE = Codes(customer_pb2.ConsentPurpose, ConsentPurpose)
LIFE_CYCLE_STATE = Codes(customer_pb2.LifeCycleState, LifeCycleState)
SERVICE_TYPE = Codes(subscription_pb2.ServiceType, ServiceType)
SUBSCRIPTION_STATE = Codes(subscription_pb2.SubscriptionState, SubscriptionState)
VALENCE = Codes(touch_point_pb2.Valence, Valence)
