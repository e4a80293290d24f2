"""What can be wrong with a request to the billing-accuracy service?

BillingError
├── NotFound
│   ├── BillRunNotFound
│   ├── BillCheckNotFound
│   ├── CustomerNotFound
│   ├── DisputeNotFound
│   ├── TariffNotFound
│   └── SubscriptionNotFound
├── AlreadyExists       the name is taken
├── NotHeld             there is nothing to release
├── DisputedAlready     an open dispute is about the same
├── WrongState          a dispute can't go there from where it stands
├── BeyondAuthority     so large a credit is for others to grant
├── NotCheckable        what a bill should be can't be known
├── NoBillBefore        there is no bill to compare with
└── InvalidValue        a value cannot be

BillProblem             one bill of many can't be checked; the others are
EntryProblem            one account entry of many can't be kept; the others are
ChargeProblem           one wholesale charge of many can't be kept; the others are
"""

from collections.abc import Mapping
from enum import StrEnum


class BillingError(Exception):
    """Root of all errors that callers are told of."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo."""


class NotFound(BillingError):  # noqa: N818 - reads as the answer it becomes
    """The resource that is asked for is not there."""


class BillRunNotFound(NotFound):
    """No bill run has this id."""

    def __init__(self, bill_run_id: str) -> None:
        name = f"billRuns/{bill_run_id}"
        super().__init__(f"there is no {name}", {"bill_run": name})


class BillCheckNotFound(NotFound):
    """No bill check has this id."""

    def __init__(self, bill_check_id: str) -> None:
        name = f"billChecks/{bill_check_id}"
        super().__init__(f"there is no {name}", {"bill_check": name})


class SubscriptionNotFound(NotFound):
    """The profile knows no such subscription."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}", {"subscription": name})


class CustomerNotFound(NotFound):
    """The profile knows no such customer."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}", {"customer": name})


class DisputeNotFound(NotFound):
    """No dispute has this id."""

    def __init__(self, dispute_id: str) -> None:
        name = f"disputes/{dispute_id}"
        super().__init__(f"there is no {name}", {"dispute": name})


class DisputedAlready(BillingError):  # noqa: N818 - reads as the answer it becomes
    """An open dispute is about the same charges of the bill."""

    def __init__(self, dispute_id: str) -> None:
        name = f"disputes/{dispute_id}"
        super().__init__(f"{name} is open and about the same charges", {"dispute": name})


class WrongState(BillingError):  # noqa: N818 - reads as the answer it becomes
    """A dispute can't go there from where it stands."""

    def __init__(self, dispute_id: str, state: str, wanted: str) -> None:
        name = f"disputes/{dispute_id}"
        super().__init__(f"{name} is {state}: it can't be {wanted}", {"dispute": name, "state": state})


class BeyondAuthority(BillingError):  # noqa: N818 - reads as the answer it becomes
    """So large a credit is for others to grant."""

    def __init__(self, dispute_id: str, authority: str, limit: str, credit: str) -> None:
        name = f"disputes/{dispute_id}"
        metadata = {"dispute": name, "authority": authority, "limit": limit}
        super().__init__(f"a credit of {credit} on {name}: {authority.lower()} may grant {limit} at most", metadata)


class NotCheckable(BillingError):  # noqa: N818 - reads as the answer it becomes
    """What a subscription's bill should be can't be known."""

    def __init__(self, subscription: str, problem: "BillProblem") -> None:
        super().__init__(str(problem), {"subscription": subscription, "field": problem.field})


class NoBillBefore(BillingError):  # noqa: N818 - reads as the answer it becomes
    """No bill was checked whose period ends where this one's begins."""

    def __init__(self, bill_check_id: str) -> None:
        name = f"billChecks/{bill_check_id}"
        super().__init__(f"no bill of the period before {name} was checked", {"bill_check": name})


class TariffNotFound(NotFound):
    """No inter-operator tariff has this name."""

    def __init__(self, partner: str) -> None:
        name = f"interOperatorTariffs/{partner}"
        super().__init__(f"there is no {name}", {"inter_operator_tariff": name})


class AlreadyExists(BillingError):  # noqa: N818 - reads as the answer it becomes
    """A bill run of this name exists."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} exists already", {"name": name})


class NotHeld(BillingError):  # noqa: N818 - reads as the answer it becomes
    """The bill was never held, or was let go already."""

    def __init__(self, bill_check: str, hold_state: str) -> None:
        super().__init__(
            f"{bill_check} is not held: it is {hold_state.lower().replace('_', ' ')}",
            {"bill_check": bill_check, "hold_state": hold_state},
        )


class InvalidValue(BillingError):  # noqa: N818 - reads as the answer it becomes
    """A value that cannot be."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}", {"field": field})
        self.field = field
        self.value = value
        self.expected = expected


class ProblemReason(StrEnum):
    """Why one bill can't be checked, or one entry not kept; the names of ErrorReason without their prefix."""

    INVALID_BILL = "INVALID_BILL"
    SUBSCRIPTION_NOT_FOUND = "SUBSCRIPTION_NOT_FOUND"
    BILL_CONFLICT = "BILL_CONFLICT"
    INVALID_ENTRY = "INVALID_ENTRY"
    ENTRY_CONFLICT = "ENTRY_CONFLICT"
    INVALID_CHARGE = "INVALID_CHARGE"
    CHARGE_CONFLICT = "CHARGE_CONFLICT"


class BillProblem(Exception):  # noqa: N818 - an outcome of one bill among many, not a failure of the call
    """One bill can't be checked."""

    def __init__(self, reason: ProblemReason, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.reason = reason
        self.field = field
        self.description = description


class EntryProblem(Exception):  # noqa: N818 - an outcome of one entry among many, not a failure of the call
    """One account entry can't be kept."""

    def __init__(self, reason: ProblemReason, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.reason = reason
        self.field = field
        self.description = description


class ChargeProblem(Exception):  # noqa: N818 - an outcome of one charge among many, not a failure of the call
    """One wholesale charge can't be kept."""

    def __init__(self, reason: ProblemReason, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.reason = reason
        self.field = field
        self.description = description
