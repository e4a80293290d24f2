"""How does an OTLP export in JSON become the one that everything here reads?

By the OTLP specification ("JSON Protobuf Encoding") ids are hexadecimal, where JSON of protobuf would have base64;
enums are numbers, and unknown fields are passed over.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_IDS: Final = ("traceId", "spanId", "parentSpanId")
_DEEPEST: Final = 64
"""Attributes within attributes; nobody writes them that deep."""


class NotOtlpJson(ValueError):  # noqa: N818 - a statement
    """The text is no export."""


def protobuf_of(text: bytes) -> bytes:
    """The same export in protobuf; raises NotOtlpJson."""
    try:
        document = json.loads(text)
        for span in _spans(document):
            for each in (span, *span.get("links", ())):
                _hex_to_base64(each)
        request = json_format.ParseDict(
            document, ExportTraceServiceRequest(), ignore_unknown_fields=True, max_recursion_depth=_DEEPEST
        )
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.ParseError) as error:
        raise NotOtlpJson(f"the body is no OTLP export in JSON: {error}") from error
    return request.SerializeToString()


def _spans(document: Any) -> Iterator[dict[str, Any]]:  # whatever JSON holds; what doesn't fit raises
    for resource_spans in document.get("resourceSpans", ()):
        for scope_spans in resource_spans.get("scopeSpans", ()):
            yield from scope_spans.get("spans", ())


def _hex_to_base64(holder: dict[str, Any]) -> None:  # as above
    for key in _IDS:
        if key in holder:
            try:
                raw = binascii.unhexlify(holder[key])
            except binascii.Error as error:
                raise NotOtlpJson(f"{key}: got {holder[key]!r:.40}, expected hexadecimal digits") from error
            holder[key] = base64.b64encode(raw).decode()
