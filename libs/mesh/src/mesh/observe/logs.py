"""How is a log line written, and what may never stand in it?"""

import logging
import sys
from typing import TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from mesh.observe.redaction import PersonalDataLogged, redact

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# What these libraries say at INFO is of use to their authors; gRPC's is silenced further down, in its core.
_TALKATIVE = {
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "grpc": logging.WARNING,
    "sqlalchemy": logging.WARNING,
}
# A trace receiver that is away for a moment is no event; a lost batch is (ERROR).
_RETRYING = {"opentelemetry": logging.ERROR}


def configure_logging(service: str, level: str, *, stream: TextIO | None = None) -> None:
    """Write JSON lines without personal data to `stream` (standard error), those of libraries included."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _TraceIds(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                PersonalDataGuard(strict=False),
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in (_TALKATIVE | _RETRYING).items():
        logging.getLogger(name).setLevel(max(least, root.level))


def configure_logging_for_tests() -> None:
    """Send log lines to the logging module, where pytest catches them, and raise on personal data."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            PersonalDataGuard(strict=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )


class PersonalDataGuard:
    """A structlog processor that keeps personal data out of the line, by key and by the look of the value.

    `strict` raises instead of redacting: a test is the place to learn of it.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        clean: EventDict = {key: redact(key, value) for key, value in event.items()}
        # A traceback is not of the author's making: it is redacted in tests too.
        dirty = [key for key in event if clean[key] != event[key] and key != "exception"]
        if self._strict and dirty:
            raise PersonalDataLogged(f"personal data in a log line, under {', '.join(dirty)}")
        return clean


class _TraceIds:
    """A structlog processor that says which service and which trace a line belongs to."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = trace.format_trace_id(span.trace_id)
            event["span_id"] = trace.format_span_id(span.span_id)
        return event
