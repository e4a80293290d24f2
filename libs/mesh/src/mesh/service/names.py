"""What are the spans, metrics and attributes of the frame called? `mesh.observe.registry` lists them for the docs."""

from typing import Final

from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE

from mesh.observe.entries import Attribute, Metric, Span

__all__ = [
    "ATTRIBUTES",
    "CERTIFICATE_REMAINING",
    "ERROR_TYPE",
    "JOB_DURATION",
    "JOB_NAME",
    "JOB_SPAN",
    "METRICS",
    "SPANS",
]

JOB_NAME: Final = "cxmesh.job.name"
JOB_SPAN: Final = "job {name}"

_JOB = (JOB_NAME, ERROR_TYPE)
_BUCKETS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0)

JOB_DURATION: Final = Metric(
    "cxmesh.job.duration", "histogram", "s", "Duration of runs of periodic jobs.", _JOB, _BUCKETS
)
CERTIFICATE_REMAINING: Final = Metric(
    "cxmesh.tls.certificate.remaining", "gauge", "s", "Time until this service's certificate expires."
)

METRICS: Final = (JOB_DURATION, CERTIFICATE_REMAINING)
SPANS: Final = (Span(JOB_SPAN, "internal", "One run of a periodic job.", _JOB),)
ATTRIBUTES: Final = (Attribute(JOB_NAME, "A periodic job.", "close-bill-cycles"),)
