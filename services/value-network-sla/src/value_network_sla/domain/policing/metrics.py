"""What can be measured of a partner, in which unit, and which values can't be true?

A value that no line, call or film can have is a mark of the probe (a sentinel such as 1,800,000 ms) and no measurement:
it is kept, shown as such and never counted. Bounds are wide on purpose: a bad value must count.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_HOUR_SECONDS: Final = 3600.0
_YEAR_SECONDS: Final = 366 * 24 * _HOUR_SECONDS


@dataclass(frozen=True, slots=True)
class Metric:
    """Something measured."""

    name: str
    unit: str
    """UCUM, as OpenTelemetry writes units."""
    least: float
    most: float


_KNOWN: Final = (
    # A probe gives up long before a minute; what is above is its mark for "no answer".
    Metric("latency_ms", "ms", 0.0, 60_000.0),
    Metric("jitter_ms", "ms", 0.0, 60_000.0),
    Metric("packet_loss_ratio", "1", 0.0, 1.0),
    Metric("error_ratio", "1", 0.0, 1.0),
    Metric("availability_ratio", "1", 0.0, 1.0),
    # ITU-T P.800.1: opinion scores are from 1 to 5. G.107: R is from 0 to 100.
    Metric("mos", "1", 1.0, 5.0),
    Metric("r_factor", "1", 0.0, 100.0),
    Metric("startup_seconds", "s", 0.0, _HOUR_SECONDS),
    Metric("rebuffering_ratio", "1", 0.0, 1.0),
    Metric("stream_mos", "1", 1.0, 5.0),
    # No access line sold is faster than a terabit a second.
    Metric("download_mbps", "Mbit/s", 0.0, 1_000_000.0),
    Metric("upload_mbps", "Mbit/s", 0.0, 1_000_000.0),
    Metric("delivery_seconds", "s", 0.0, _YEAR_SECONDS),
)
KNOWN: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _KNOWN}


def metric_named(name: str) -> Metric | None:
    """A metric of a known name, or one of the partner's own of any value; None when the name can't be one."""
    if name in KNOWN:
        return KNOWN[name]
    return Metric(name, "", -math.inf, math.inf) if _NAME.fullmatch(name) else None


def is_plausible(metric: Metric, value: float) -> bool:
    """Whether the value can be true."""
    return math.isfinite(value) and metric.least <= value <= metric.most
