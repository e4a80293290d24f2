"""What does charging count of its own work?"""

from collections.abc import Iterable
from typing import Final

from opentelemetry.metrics import Meter

from mesh.observe import counter
from mesh.observe.entries import Attribute, Metric
from usage_correlation.domain.charging.quotas import Grant

RESULT: Final = "cxmesh.usage.charging.result"

QUOTAS: Final = Metric(
    "cxmesh.usage.charging.quotas", "counter", "{quota}", "Rating groups answered, by result code.", (RESULT,)
)
UNKNOWN_FIELDS: Final = Metric(
    "cxmesh.usage.charging.unknown_fields", "counter", "{field}", "Fields of charging data in JSON that are not read."
)
TIMED_OUT: Final = Metric(
    "cxmesh.usage.charging.timed_out",
    "counter",
    "{session}",
    "Charging sessions given up, for nothing was heard of them.",
)
CHARGING_METRICS: Final = (QUOTAS, UNKNOWN_FIELDS, TIMED_OUT)
CHARGING_ATTRIBUTES: Final = (Attribute(RESULT, "Result code of TS 32.291, in small letters.", "quota_limit_reached"),)


class ChargingMetrics:
    """Is told what happened, and counts it."""

    def __init__(self, meter: Meter) -> None:
        self._quotas = counter(meter, QUOTAS)
        self._unknown = counter(meter, UNKNOWN_FIELDS)
        self._timed_out = counter(meter, TIMED_OUT)

    def answered(self, grants: Iterable[Grant]) -> None:
        """Rating groups were answered."""
        for grant in grants:
            self._quotas.add(1, {RESULT: grant.result.lower()})

    def ignored(self, fields: int) -> None:
        """So many fields were not read."""
        if fields:
            self._unknown.add(fields)

    def timed_out(self, sessions: int) -> None:
        """So many sessions were given up."""
        if sessions:
            self._timed_out.add(sessions)
