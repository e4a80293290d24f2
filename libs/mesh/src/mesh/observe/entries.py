"""What is to be said of a span, a metric or an attribute before it is used?"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `name` and `unit` as in OpenTelemetry (UCUM), Prometheus names follow from them."""

    name: str
    instrument: Literal["histogram", "counter", "gauge"]
    unit: str
    meaning: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span; `name` with the variable parts in braces."""

    name: str
    kind: Literal["server", "client", "producer", "consumer", "internal"]
    meaning: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of spans or metrics."""

    name: str
    meaning: str
    example: str
