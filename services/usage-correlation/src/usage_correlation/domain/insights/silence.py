"""Has somebody fallen silent who was heard of almost every day?"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from usage_correlation.domain.insights.calling import local_days


@dataclass(frozen=True, slots=True)
class SilenceTerms:
    """What makes a silence."""

    silent_days: int = 7
    """Whole days without any usage."""
    observed_days: int = 28
    """Of so many days up to the last usage ..."""
    used_days: int = 20
    """... so many must have had usage."""


def used_days(starts: NDArray[np.int64], zone: ZoneInfo) -> int:
    """On how many days, by the customer's calendar, usage began; moments in seconds since 1970."""
    return len(np.unique(local_days(starts, zone)))
