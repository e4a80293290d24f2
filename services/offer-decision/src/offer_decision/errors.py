"""What can be wrong with a request to the catalogue or to the offer-decision service?

OfferError
├── PlanNotFound
├── InvalidTariff           the tariff document is wrong; all its faults at once
├── TariffVersionInForce    a version that has come into force would change, vanish or be added
├── CampaignNotFound
├── DecisionNotFound
├── NoMessage               the decision was to stay silent
├── AlreadyExists           the name is taken
│   ├── PlanExists
│   └── CampaignExists
├── EtagMismatch            somebody else wrote in between
└── InvalidValue            a value cannot be
"""

from collections.abc import Mapping, Sequence
from datetime import datetime


class OfferError(Exception):
    """Root of all errors that callers are told of."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo."""


class PlanNotFound(OfferError):  # noqa: N818 - reads as the answer it becomes
    """No plan has this id."""

    def __init__(self, plan_id: str) -> None:
        super().__init__(f"there is no plans/{plan_id}", {"plan": f"plans/{plan_id}"})


class InvalidTariff(OfferError):  # noqa: N818 - reads as the answer it becomes
    """The tariff document of a plan is wrong."""

    def __init__(self, plan_id: str, faults: Sequence[str]) -> None:
        shown = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")  # noqa: PLR2004
        super().__init__(
            f"the tariff of plans/{plan_id} is wrong: {shown}",
            {"plan": f"plans/{plan_id}", "faults": str(len(faults))},
        )
        self.faults = tuple(faults)
        """Line, column, path, value and expectation of each."""


class TariffVersionInForce(OfferError):  # noqa: N818 - reads as the answer it becomes
    """A version that has come into force would change, vanish or be added."""

    def __init__(self, plan_id: str, activation: datetime) -> None:
        version = activation.isoformat()
        super().__init__(
            f"the tariff of plans/{plan_id} from {version} on can't be written any more, for that moment has passed; "
            "add a version with a later activation",
            {"plan": f"plans/{plan_id}", "version": version},
        )


class CampaignNotFound(OfferError):  # noqa: N818 - reads as the answer it becomes
    """No campaign has this id."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"there is no campaigns/{campaign_id}", {"campaign": f"campaigns/{campaign_id}"})


class DecisionNotFound(OfferError):  # noqa: N818 - reads as the answer it becomes
    """No decision has this id."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(f"there is no decisions/{decision_id}", {"decision": f"decisions/{decision_id}"})


class NoMessage(OfferError):  # noqa: N818 - reads as the answer it becomes
    """The decision was to stay silent: nothing could have an outcome."""

    def __init__(self, decision_id: str) -> None:
        name = f"decisions/{decision_id}"
        super().__init__(
            f"{name} was to stay silent: there is no message that could have an outcome", {"decision": name}
        )


class AlreadyExists(OfferError):  # noqa: N818 - reads as the answer it becomes
    """The name is taken."""


class PlanExists(AlreadyExists):
    """A plan has this id."""

    def __init__(self, plan_id: str) -> None:
        super().__init__(f"plans/{plan_id} exists already", {"plan": f"plans/{plan_id}"})


class CampaignExists(AlreadyExists):
    """A campaign has this id."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"campaigns/{campaign_id} exists already", {"name": f"campaigns/{campaign_id}"})


class EtagMismatch(OfferError):  # noqa: N818 - reads as the answer it becomes
    """The plan changed since the caller read it."""

    def __init__(self, plan_id: str) -> None:
        name = f"plans/{plan_id}"
        super().__init__(f"{name} was changed since it was read; read it again", {"plan": name})


class InvalidValue(OfferError):  # noqa: N818 - reads as the answer it becomes
    """A value cannot be."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}", {"field": field})
        self.field = field
        self.value = value
        self.expected = expected
