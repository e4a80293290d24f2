"""What can be wrong with a request to the usage service?

UsageError
├── NotFound
│   ├── SubscriptionNotFound
│   ├── PlanNotFound
│   ├── SpendPolicyNotFound
│   ├── AllowancePolicyNotFound
│   ├── LimitPolicyNotFound
│   ├── SpendingLimitNotFound
│   ├── PatternNotFound
│   └── SignalNotFound
├── InvalidPattern      a pattern's document is refused, line by line
├── AlreadyExists       the name is taken by something else
├── InvalidCursor       a watch can't go on from there
├── InvalidValue        a value cannot be
├── ChargingError       a charging request can't be answered; tells the cause of TS 32.291
│   ├── UserUnknown
│   ├── ChargingSessionNotFound
│   ├── ChargingSessionEnded
│   ├── InvocationConflict
│   └── ChargingFailed
├── LimitError          a customer's word on a limit can't be taken
│   ├── LimitNotStopped
│   ├── ConsentTermsDiffer
│   └── OptOutNotAllowed
└── NotRateable         usage has no price, so that there is no answer

What is wrong with one record of a batch is no error but a `Refusal`, see `domain/refusals.py`.
"""

from collections.abc import Mapping, Sequence

from rating import Problem


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


class AllowancePolicyNotFound(NotFound):
    """No allowance policy has this id."""

    def __init__(self, policy_id: str) -> None:
        name = f"allowancePolicies/{policy_id}"
        super().__init__(f"there is no {name}", {"allowance_policy": name})


class SignalNotFound(NotFound):
    """No signal has this id."""

    def __init__(self, signal_id: str) -> None:
        name = f"signals/{signal_id}"
        super().__init__(f"there is no {name}", {"signal": name})


class LimitPolicyNotFound(NotFound):
    """No limit policy has this id."""

    def __init__(self, policy_id: str) -> None:
        name = f"limitPolicies/{policy_id}"
        super().__init__(f"there is no {name}", {"limit_policy": name})


class SpendingLimitNotFound(NotFound):
    """A limit policy doesn't apply to a subscription."""

    def __init__(self, subscription_id: str, policy_id: str) -> None:
        name = f"subscriptions/{subscription_id}/spendingLimits/{policy_id}"
        super().__init__(f"there is no {name}: no such limit policy applies now", {"spending_limit": name})


class LimitError(UsageError):
    """A customer's word on a limit can't be taken."""

    def __init__(self, subscription_id: str, policy_id: str, what: str, **metadata: str) -> None:
        name = f"subscriptions/{subscription_id}/spendingLimits/{policy_id}"
        super().__init__(f"{name} {what}", {"spending_limit": name, **metadata})


class LimitNotStopped(LimitError):  # noqa: N818 - reads as the answer it becomes
    """There is nothing to consent to."""

    def __init__(self, subscription_id: str, policy_id: str, state: str) -> None:
        super().__init__(
            subscription_id, policy_id, f"is {state}, expected STOPPED: there is nothing to consent to", state=state
        )


class ConsentTermsDiffer(LimitError):  # noqa: N818 - reads as the answer it becomes
    """The customer was shown another price than the one of further usage."""

    def __init__(self, subscription_id: str, policy_id: str, shown: str, price: str) -> None:
        what = f"has the price {price}, the customer was shown {shown}: show the price and ask again"
        super().__init__(subscription_id, policy_id, what, price=price)


class OptOutNotAllowed(LimitError):  # noqa: N818 - reads as the answer it becomes
    """The policy doesn't allow to do without its limit."""

    def __init__(self, subscription_id: str, policy_id: str) -> None:
        policy = f"limitPolicies/{policy_id}"
        what = f"is of {policy}, which doesn't allow to opt out"
        super().__init__(subscription_id, policy_id, what, limit_policy=policy)


class PatternNotFound(NotFound):
    """No pattern has this id."""

    def __init__(self, pattern_id: str) -> None:
        name = f"patterns/{pattern_id}"
        super().__init__(f"there is no {name}", {"pattern": name})


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


class ChargingError(UsageError):
    """A charging request can't be answered: what an HTTP gateway makes problem details of (TS 29.571, TS 32.291)."""

    def __init__(self, message: str, cause: str, status: int, metadata: Mapping[str, str]) -> None:
        super().__init__(message, {"cause": cause, "status": str(status), **metadata})


class UserUnknown(ChargingError):  # noqa: N818 - reads as the answer it becomes
    """No subscription has the subscriber identifier."""

    def __init__(self) -> None:
        super().__init__("the subscriber identifier belongs to no subscription", "USER_UNKNOWN", 404, {})


class ChargingSessionNotFound(ChargingError):  # noqa: N818 - the same
    """No charging session has this id, or it is another's."""

    def __init__(self, session_id: str) -> None:
        name = f"chargingSessions/{session_id}"
        super().__init__(f"there is no {name}", "CONTEXT_NOT_FOUND", 404, {"charging_session": name})


class ChargingSessionEnded(ChargingError):  # noqa: N818 - the same
    """The charging session was released before this request."""

    def __init__(self, session_id: str) -> None:
        name = f"chargingSessions/{session_id}"
        super().__init__(f"{name} was released", "CONTEXT_NOT_FOUND", 404, {"charging_session": name})


class InvocationConflict(ChargingError):  # noqa: N818 - the same
    """The invocation sequence number was used for another request of the session."""

    def __init__(self, sequence: int) -> None:
        message = f"invocation sequence number {sequence} was used for a request with other content"
        super().__init__(message, "CHARGING_FAILED", 400, {"invocation_sequence_number": str(sequence)})


class ChargingFailed(ChargingError):  # noqa: N818 - the same
    """The content is no charging data."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}", "CHARGING_FAILED", 400, {"field": field})
        self.field = field
        self.expected = expected


class InvalidPattern(UsageError):  # noqa: N818 - reads as the answer it becomes
    """A pattern's document can't be taken; everything that is wrong with it, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(
            "; ".join(str(problem) for problem in problems), {"line": str(first.line), "column": str(first.column)}
        )
        self.problems = tuple(problems)
        self.field = "pattern.document"
        self.expected = f"a sound pattern: {'; '.join(str(problem) for problem in problems)}"
