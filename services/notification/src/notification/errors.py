"""What can be wrong with a request to the notification service, or with a decision that it is to deliver?

NotificationError
├── NotFound
│   ├── MessageNotFound
│   ├── TemplateNotFound
│   └── CustomerNotFound   profile does not know the customer
├── AlreadyExists          the name is taken
└── InvalidValue           a value cannot be
    ├── InvalidTemplate    a template's text can't be read
    └── MissingParameter   a template's placeholder has no value
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class NotificationError(Exception):
    """Root of all errors that callers are told of, and for which events are put aside."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo; never holds personal data."""


class NotFound(NotificationError):  # noqa: N818 - reads as the answer it becomes
    """What is asked for is not there."""


class MessageNotFound(NotFound):
    """No message has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}", {"message": name})


class TemplateNotFound(NotFound):
    """No template has this id."""

    def __init__(self, template_id: str) -> None:
        name = f"templates/{template_id}"
        super().__init__(f"there is no {name}", {"template": name})


class CustomerNotFound(NotFound):
    """Profile knows no customer of this id."""

    def __init__(self, customer_id: str) -> None:
        name = f"customers/{customer_id}"
        super().__init__(f"profile knows no {name}", {"customer": name})
        self.customer_id = customer_id


class AlreadyExists(NotificationError):  # noqa: N818 - reads as the answer it becomes
    """A resource of this name exists."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} exists already", {"name": name})


class InvalidValue(NotificationError):  # noqa: N818 - reads as the answer it becomes
    """A value that cannot be. `value` exists only on those that may be shown: personal data stays out of errors."""

    def __init__(
        self, field: str, expected: str, *, value: object = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        shown = f"got {value!r}, expected {expected}" if value is not None else f"expected {expected}"
        super().__init__(f"{field}: {shown}", metadata or {"field": field})
        self.field = field
        self.expected = expected
        if value is not None:
            self.value = value


class InvalidTemplate(InvalidValue):
    """A template's text can't be read."""


class MissingParameter(InvalidValue):
    """A placeholder of the template has no value."""

    def __init__(self, template: str, parameter: str) -> None:
        super().__init__(
            "parameters",
            f"a value for {parameter!r}, which {template} needs",
            metadata={"template": template, "parameter": parameter},
        )


@contextmanager
def inside(parent: str) -> Iterator[None]:
    """Tell of invalid values found within as fields of `parent`."""
    try:
        yield
    except InvalidValue as error:
        if isinstance(error, MissingParameter):
            raise
        kind = type(error)
        raise kind(f"{parent}.{error.field}", error.expected, value=getattr(error, "value", None)) from error
