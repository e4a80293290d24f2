"""What does a service tell of itself: traces, metrics, logs?"""

from mesh.observe.logs import configure_logging, configure_logging_for_tests, log
from mesh.observe.metrics import counter, gauge, histogram
from mesh.observe.telemetry import LAST_SPANS_SECONDS, Telemetry, setup

__all__ = [
    "LAST_SPANS_SECONDS",
    "Telemetry",
    "configure_logging",
    "configure_logging_for_tests",
    "counter",
    "gauge",
    "histogram",
    "log",
    "setup",
]
