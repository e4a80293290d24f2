"""When did a call event begin, for the audit of its file?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from usage_adapters.tap.decoding import Tree


def stamp_of(kind: str, event: Tree) -> Tree | None:
    """When the event began, for the file's audit; None where it doesn't say."""
    for path in _STAMPS.get(kind, ()):
        found: Any = event  # Any: a tree
        for name in path:
            found = found.get(name, {}) if isinstance(found, dict) else {}
        if found:
            stamp: Tree = found
            return stamp
    return None


_STAMPS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "mobileOriginatedCall": (("basicCallInformation", "callEventStartTimeStamp"),),
    "mobileTerminatedCall": (("basicCallInformation", "callEventStartTimeStamp"),),
    "supplServiceEvent": (("supplServiceUsed", "chargingTimeStamp"),),
    "serviceCentreUsage": (("scuTimeStamps", "depositTimeStamp"), ("scuTimeStamps", "completionTimeStamp")),
    "gprsCall": (("gprsBasicCallInformation", "callEventStartTimeStamp"),),
    "contentTransaction": (("contentTransactionBasicInfo", "orderPlacedTimeStamp"),),
    "locationService": (
        ("locationServiceUsage", "lCSQosRequested", "lCSRequestTimestamp"),
        ("locationServiceUsage", "chargingTimeStamp"),
    ),
    "messagingEvent": (("serviceStartTimestamp",),),
    "mobileSession": (("serviceStartTimestamp",),),
}
