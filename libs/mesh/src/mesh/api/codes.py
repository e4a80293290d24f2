"""Which value of a service's own enum is which value of the contract's?"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

E = TypeVar("E", bound=StrEnum)


class Refusal(Protocol):
    """Makes the service's own error of a value that cannot be."""

    def __call__(self, field: str, expected: str, *, value: object) -> Exception: ...


class Codes(Generic[E]):
    """An enum of the contract beside a service's own: CHANNEL_EMAIL is the member EMAIL."""

    def __init__(self, wire: Any, domain: type[E], refusal: Refusal) -> None:  # Any: the stubs' metaclass of each enum
        """Raises ValueError for a member that the contract doesn't have."""
        enum: EnumTypeWrapper = wire
        prefix = enum.Name(0).removesuffix("UNSPECIFIED")
        self._to_wire: Mapping[E, Any] = {each: enum.Value(prefix + each.name) for each in domain}
        self._to_domain: Mapping[int, E] = {number: each for each, number in self._to_wire.items()}
        self._refusal = refusal

    def wire(self, value: E) -> Any:  # assignable to the enum's own field type
        """The contract's value."""
        return self._to_wire[value]

    def find(self, number: int) -> E | None:
        """The service's value; None for UNSPECIFIED, and for one that a newer contract has."""
        return self._to_domain.get(number)

    def get(self, number: int, field: str) -> E:
        """The service's value; raises what `refusal` makes where `find` gives None."""
        found = self.find(number)
        if found is None:
            raise self._refusal(field, "one of " + ", ".join(self._to_wire), value=number or "unspecified")
        return found
