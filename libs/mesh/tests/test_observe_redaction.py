"""Does personal data stay out of logs and spans, and does everything else get through?"""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from mesh.observe import configure_logging, configure_logging_for_tests, log
from mesh.observe.redaction import REDACTED, PersonalDataLogged, is_personal_key, redact, redact_text
from mesh.observe.tracing import CleaningExporter

PERSONAL_TEXTS = [
    "maria@example.org",
    "mail to maria.lopez+x@mail.example.co.uk bounced",
    "+49 171 1234567",
    "+491711234567",
    "0049 (171) 123-4567",
    "call 415-555-0100 now",
    "(415) 555-0100",
    "4915112345678",
]
HARMLESS_TEXTS = [
    "2026-03-01T12:00:00.123456+00:00",
    "0af7651916cd43dd8448eb211c80319c",
    "6f1c2b1e-8f1c-4f0e-9b1e-1234567890ab",
    "127.0.0.1:54321",
    "cxmesh.usage.v1.UsageService/RecordUsage",
    "dns:///profile:8443",
    "12 of 20000 lines, 1234567890 bytes",
    "grpc 1.85.1",
    "-12.345678 EUR",
]


@pytest.fixture
def lines() -> Iterator[Any]:
    """`lines()` gives the log lines written so far; logging is as a service configures it."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("echo", "INFO", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("text", PERSONAL_TEXTS)
def test_what_looks_like_an_address_or_a_number_of_a_person_is_taken_out(text: str) -> None:
    assert REDACTED in redact_text(text)
    assert not any(part in redact_text(text) for part in ("maria", "1234567", "0100", "12345678"))


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_what_machines_write_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key", ["email", "msisdn", "customer.phone_number", "givenName", "family-name", "postal_address", "IMSI"]
)
def test_keys_of_personal_data_are_known_however_they_are_written(key: str) -> None:
    assert is_personal_key(key)
    assert redact(key, "anything") == REDACTED


@pytest.mark.parametrize("key", ["customer_id", "server.address", "emails_sent", "phone_calls", "trace_id", "name"])
def test_other_keys_are_left_alone(key: str) -> None:
    assert redact(key, "anything") == "anything"


def test_personal_data_is_found_however_deep_it_lies() -> None:
    value = {"customer": {"id": 7, "email": "x", "notes": ["fine", "maria@example.org"]}, "sent": (1, None)}

    assert redact("event", value) == {
        "customer": {"id": 7, "email": REDACTED, "notes": ["fine", REDACTED]},
        "sent": (1, None),
    }


@given(st.emails(domains=st.just("example.org")))
def test_no_address_with_ordinary_characters_gets_through(address: str) -> None:
    local = address.rpartition("@")[0]
    if all(character.isalnum() or character in "._%+-" for character in local):
        assert address not in redact_text(f"to {address}: sent")


def test_a_log_line_is_json_without_personal_data(lines: Any) -> None:
    provider = TracerProvider(resource=Resource.create({}))
    with provider.get_tracer("t").start_as_current_span("s") as span:
        log.warning("mail to maria@example.org failed", msisdn=491711234567, attempt=2)

    [line] = lines()
    assert line["event"] == f"mail to {REDACTED} failed"
    assert (line["msisdn"], line["attempt"]) == (REDACTED, 2)
    assert (line["service"], line["level"]) == ("echo", "warning")
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert line["time"].endswith("Z")


def test_exceptions_and_the_lines_of_libraries_are_cleaned_too(lines: Any) -> None:
    log.error("failed", exc_info=ValueError("no customer maria@example.org"))
    logging.getLogger("some.library").warning("sent to %s", "+49 171 1234567")
    logging.getLogger("grpc").info("of no use to anyone")

    failed, sent = lines()
    assert "ValueError: no customer [redacted]" in failed["exception"]
    assert (sent["event"], sent["service"]) == (f"sent to {REDACTED}", "echo")


def test_lines_below_the_level_are_not_written(lines: Any) -> None:
    log.debug("details")
    log.info("news")

    assert [line["event"] for line in lines()] == ["news"]


def test_in_tests_personal_data_in_a_log_line_is_an_error() -> None:
    configure_logging_for_tests()

    with pytest.raises(PersonalDataLogged, match="under email, event"):
        log.info("to maria@example.org", email="maria@example.org")
    structlog.reset_defaults()


def test_spans_leave_the_process_without_personal_data() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(CleaningExporter(exporter)))
    span = provider.get_tracer("t").start_span("send")
    span.set_attribute("customer.email", "maria@example.org")
    span.set_attribute("messages", ["to +49 171 1234567", "fine"])
    span.set_attribute("messaging.batch.message_count", 3)
    span.record_exception(ValueError("no customer maria@example.org"))
    span.set_status(StatusCode.ERROR, "no customer maria@example.org")
    span.end()

    [sent] = exporter.get_finished_spans()
    assert dict(sent.attributes or {}) == {
        "customer.email": REDACTED,
        "messages": (f"to {REDACTED}", "fine"),
        "messaging.batch.message_count": 3,
    }
    assert sent.name == "send"
    assert sent.context == span.get_span_context()
    assert "maria" not in sent.to_json()
    assert sent.status.description == f"no customer {REDACTED}"
