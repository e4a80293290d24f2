"""What can be wrong with a request to the value-network SLA service?

SlaError
├── NotFound
│   ├── PartnerNotFound
│   ├── AgreementNotFound
│   ├── TraceNotFound
│   ├── SessionNotFound
│   ├── SatisfactionNotFound
│   ├── BreachNotFound
│   ├── ObjectiveNotFound
│   ├── AlertNotFound
│   ├── ExclusionNotFound
│   ├── ValueNetworkNotFound
│   ├── StatementNotFound
│   ├── ContestNotFound
│   ├── EvidenceNotFound
│   └── TokenNotFound
├── AlreadyExists     the name is taken by other content
├── StatementNotDue   a period can't be stated, or not yet, or not again
├── ContestRefused    a contest can't take a step
├── InvalidValue      a value cannot be
├── NoPeriods         an objective's window rolls, and somebody asks for its periods
├── InvalidCursor     a watch is to go on after a change that was never told of
├── TokenRefused      a sender shows a token that is good for nothing
├── UnknownPartner    the sender of spans has a certificate, but is no partner here
└── Overloaded        more spans wait to be stored than this replica holds
"""

from collections.abc import Mapping


class SlaError(Exception):
    """Root of all errors that callers are told of."""

    def __init__(self, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message)
        self.metadata = dict(metadata)
        """Travels in google.rpc.ErrorInfo."""


class NotFound(SlaError):  # noqa: N818 - reads as the answer it becomes
    """The resource is not there, or is another partner's, which to the caller is the same."""

    kind = ""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}", {self.kind: name})


class PartnerNotFound(NotFound):
    """No partner has this name."""

    kind = "partner"


class AgreementNotFound(NotFound):
    """No agreement has this name."""

    kind = "agreement"


class TraceNotFound(NotFound):
    """No span of this trace was received, or none is kept any more."""

    kind = "trace"


class SessionNotFound(NotFound):
    """No session has this name."""

    kind = "session"


class BreachNotFound(NotFound):
    """No breach has this name."""

    kind = "breach"


class ValueNetworkNotFound(NotFound):
    """No version of a value network has this name."""

    kind = "value_network"


class StatementNotFound(NotFound):
    """No statement has this name."""

    kind = "statement"


class ContestNotFound(NotFound):
    """No contest has this name."""

    kind = "contest"


class EvidenceNotFound(NotFound):
    """No bundle of this name was kept."""

    kind = "evidence"


class SatisfactionNotFound(NotFound):
    """Nobody measured this service then, or the caller took no part in it."""

    kind = "satisfaction"


class TokenNotFound(NotFound):
    """No token has this name."""

    kind = "sender_token"


class AlreadyExists(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A resource of this name exists with other content."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} exists already, with other content", {"name": name})


class StatementNotDue(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A period can't be stated, or not yet, or not again."""

    def __init__(self, partner: str, why: str) -> None:
        super().__init__(f"no statement to {partner}: {why}", {"partner": partner})


class ContestRefused(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A contest can't take a step."""

    def __init__(self, contest: str, why: str) -> None:
        super().__init__(f"{contest} {why}", {"contest": contest})


class InvalidValue(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A value that cannot be."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}", {"field": field})
        self.field = field
        self.value = value
        self.expected = expected


class TokenRefused(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A token that was never given out, has run out or was revoked; which of them is nobody's business."""

    def __init__(self) -> None:
        super().__init__("the bearer token is not, or no longer, one that spans may be sent with", {})


class UnknownPartner(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A certificate of a partner that was never made here, or not yet."""

    def __init__(self, partner: str) -> None:
        super().__init__(f"the certificate says {partner}, but there is no such partner", {"partner": partner})


class Overloaded(SlaError):  # noqa: N818 - reads as the answer it becomes
    """More spans wait to be stored than this replica holds."""

    def __init__(self, waiting_spans: int) -> None:
        super().__init__(
            f"{waiting_spans} spans wait to be stored; send these again", {"waiting_spans": str(waiting_spans)}
        )


class ObjectiveNotFound(NotFound):
    """No objective has this name."""

    kind = "objective"


class AlertNotFound(NotFound):
    """No alert has this name."""

    kind = "alert"


class ExclusionNotFound(NotFound):
    """No exclusion has this name."""

    kind = "exclusion"


class NoPeriods(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A rolling window has no periods."""

    def __init__(self, objective: str) -> None:
        super().__init__(f"the window of {objective} rolls: it has no periods", {"objective": objective})


class InvalidCursor(SlaError):  # noqa: N818 - reads as the answer it becomes
    """A cursor that was not given out here."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"cursor: got {cursor[:60]!r}, expected one of an earlier answer", {"cursor": cursor[:60]})
        self.field = "cursor"
        self.value = cursor[:60]
        self.expected = "one of an earlier answer, or nothing"
