"""What is known of one piece of work that somebody did for a session?"""

from enum import StrEnum
from typing import NamedTuple

PROVIDER = ""
"""The party that puts the service together, where a partner's name would stand."""
_PARTNERS = "partners/"


class SpanKind(StrEnum):
    """How a span stands to the work around it (OpenTelemetry trace API, SpanKind)."""

    UNSPECIFIED = "UNSPECIFIED"
    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


def is_partner(sender: str) -> bool:
    """Whether it is a partner that sent something, and not a service of ours."""
    return sender.startswith(_PARTNERS)


class Span(NamedTuple):
    """One span as it was received. Times are nanoseconds since the Unix epoch, on the sender's clock.

    A named tuple, for tens of thousands are made in a second: it takes a tenth of the time of a frozen dataclass.
    """

    span_id: bytes
    parent_id: bytes
    """Empty for a root."""
    sender: str
    """From the sender's certificate: `services/{service}` or `partners/{partner}`."""
    operation: str
    kind: SpanKind
    start_ns: int
    end_ns: int
    error: bool = False
    session_service: str = ""
    """What `cxmesh.service` says: the service to the customer. Only sessions have one."""
    customer: str = ""
    """What `cxmesh.customer` says: `customers/{customer}`."""
    timed_out: bool = False
    """The caller gave up waiting: that is how the call ended, as the status says by RPC or HTTP conventions."""
    peer: str = ""
    """Who was called, by the caller's word: a host or a service's name. A hint."""
    service: str = ""
    """What the sender calls the part of it that did the work (`service.name`)."""
    instance: str = ""
    """Which of several alike (`service.instance.id`)."""
    server_address: str = ""
    """Where a call went, by the caller's word: a host, or a host with its port. A hint."""

    @property
    def party(self) -> str:
        """Who answers for it: a partner's name, or PROVIDER for any service of ours."""
        return self.sender if is_partner(self.sender) else PROVIDER

    @property
    def duration_ns(self) -> int:
        """Never negative: a span that ends before it begins took no time."""
        return max(0, self.end_ns - self.start_ns)
