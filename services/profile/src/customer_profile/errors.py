"""What can be wrong with a request to the profile service?

ProfileError
├── NotFound
│   ├── CustomerNotFound
│   └── SubscriptionNotFound
├── AlreadyExists       the name is taken
├── EtagMismatch        somebody else wrote in between
└── InvalidValue        a value cannot be
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class ProfileError(Exception):
    """Root of all errors that callers are told of."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo; never holds personal data."""


class NotFound(ProfileError):  # noqa: N818 - reads as the answer it becomes
    """The resource that is asked for is not there."""


class CustomerNotFound(NotFound):
    """No customer has this id."""

    def __init__(self, customer_id: str) -> None:
        name = f"customers/{customer_id}"
        super().__init__(f"there is no {name}", {"customer": name})


class SubscriptionNotFound(NotFound):
    """No subscription has this id."""

    def __init__(self, subscription_id: str) -> None:
        name = f"subscriptions/{subscription_id}"
        super().__init__(f"there is no {name}", {"subscription": name})


class AlreadyExists(ProfileError):  # noqa: N818 - reads as the answer it becomes
    """A resource of this name exists."""

    def __init__(self, name: str, *, message: str | None = None) -> None:
        super().__init__(message or f"{name} exists already", {"name": name})


class EtagMismatch(ProfileError):  # noqa: N818 - reads as the answer it becomes
    """The resource changed since the caller read it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was changed since it was read; read it again", {"name": name})


class InvalidValue(ProfileError):  # noqa: N818 - reads as the answer it becomes
    """A value that cannot be. `value` exists only on those that may be shown: personal data stays out of errors."""

    def __init__(self, field: str, expected: str, *, value: object = None) -> None:
        shown = f"got {value!r}, expected {expected}" if value is not None else f"expected {expected}"
        super().__init__(f"{field}: {shown}", {"field": field})
        self.field = field
        self.expected = expected
        if value is not None:
            self.value = value

    def inside(self, parent: str) -> "InvalidValue":
        """The same, seen from the message that holds it: `time_zone` inside `customer` is `customer.time_zone`."""
        return InvalidValue(f"{parent}.{self.field}", self.expected, value=getattr(self, "value", None))


@contextmanager
def inside(parent: str) -> Iterator[None]:
    """Tell of invalid values found within as fields of `parent`."""
    try:
        yield
    except InvalidValue as error:
        raise error.inside(parent) from error
