"""What can be wrong with a request to the usage service?

UsageError
├── NotFound
│   ├── SubscriptionNotFound
│   ├── PlanNotFound
│   ├── SpendPolicyNotFound
│   └── SignalNotFound
├── AlreadyExists       the name is taken by something else
├── InvalidCursor       a watch can't go on from there
├── InvalidValue        a value cannot be
└── NotRateable         usage has no price, so that there is no answer

What is wrong with one record of a batch is no error but a `Refusal`, see `domain/refusals.py`.
"""

from collections.abc import Mapping


class UsageError(Exception):
    """Root of all errors that callers are told of."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo; never holds personal data."""


class NotFound(UsageError):  # noqa: N818 - reads as the answer it becomes
    """The resource that is asked for is not there."""


class SubscriptionNotFound(NotFound):
    """No subscription has this id."""

    def __init__(self, subscription_id: str) -> None:
        name = f"subscriptions/{subscription_id}"
        super().__init__(f"there is no {name}", {"subscription": name})


class PlanNotFound(NotFound):
    """No plan has this id."""

    def __init__(self, plan_id: str) -> None:
        name = f"plans/{plan_id}"
        super().__init__(f"there is no {name}", {"plan": name})


class SpendPolicyNotFound(NotFound):
    """No spend policy has this id."""

    def __init__(self, policy_id: str) -> None:
        name = f"spendPolicies/{policy_id}"
        super().__init__(f"there is no {name}", {"spend_policy": name})


class SignalNotFound(NotFound):
    """No signal has this id."""

    def __init__(self, signal_id: str) -> None:
        name = f"signals/{signal_id}"
        super().__init__(f"there is no {name}", {"signal": name})


class AlreadyExists(UsageError):  # noqa: N818 - reads as the answer it becomes
    """A resource of this name exists and says something else."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} exists with other content", {"name": name})


class InvalidCursor(UsageError):  # noqa: N818 - reads as the answer it becomes
    """A watch can't go on from this cursor."""

    def __init__(self, cursor: str) -> None:
        super().__init__(
            f"cursor {cursor[:100]!r} was not given out here: list the signals and start a new watch",
            {"cursor": cursor[:100]},
        )


class InvalidValue(UsageError):  # noqa: N818 - reads as the answer it becomes
    """A value that cannot be."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}", {"field": field})
        self.field = field
        self.value = value
        self.expected = expected


class NotRateable(UsageError):  # noqa: N818 - reads as the answer it becomes
    """Usage has no price under a plan, and without it there is no answer."""

    def __init__(self, plan_id: str, what: str) -> None:
        name = f"plans/{plan_id}"
        super().__init__(f"{name} {what}", {"plan": name})
