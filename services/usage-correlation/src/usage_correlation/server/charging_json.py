"""How does the JSON of TS 32.291 become charging data, and charging data JSON?"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cxmesh.usage.v1.charging_data_pb2 import ChargingDataRequest, ChargingDataResponse
from usage_correlation.errors import ChargingFailed

_RENAMED: Final = {"UsedUnitContainer": "usedUnitContainer"}
"""Names in release 15 by their later names."""
_FAILED: Final = re.compile(r"Failed to parse (\w+) field")
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_LONG: Final = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
)


def parse(data: bytes) -> tuple[ChargingDataRequest, int]:
    """The request, and how many of its fields are none of ours. Raises ChargingFailed; tells no values."""
    try:
        document = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ChargingFailed("json", f"a JSON text{where}") from error
    if not isinstance(document, dict):
        raise ChargingFailed("json", "a JSON object")
    known, unknown = _known(document, ChargingDataRequest.DESCRIPTOR)
    request = ChargingDataRequest()
    try:
        json_format.ParseDict(known, request)
    except json_format.ParseError as error:
        path = ".".join(_FAILED.findall(str(error))) or "json"
        raise ChargingFailed(path, "a value as TS 32.291 has it there") from None  # the error repeats the value
    return request, unknown


def _refuse(constant: str) -> Any:  # Any: never returns
    raise ValueError(f"{constant} is no JSON")


def _known(value: Mapping[str, Any], message: Descriptor) -> tuple[dict[str, Any], int]:  # Any: as JSON gives it
    """The fields that the message has, and the number of others."""
    fields = {field.json_name: field for field in message.fields}
    found: dict[str, Any] = {}
    unknown = 0
    for name, inner in value.items():
        field = fields.get(_RENAMED.get(name, name))
        if field is None:
            unknown += 1
            continue
        found[field.json_name], more = _known_value(inner, field)
        unknown += more
    return found, unknown


def _known_value(value: Any, field: FieldDescriptor) -> tuple[Any, int]:  # Any: as JSON gives it
    message = field.message_type
    if message is None or message.full_name == _TIMESTAMP:
        return value, 0
    if isinstance(value, dict):
        return _known(value, message)
    if isinstance(value, list):
        pairs = [_known(each, message) if isinstance(each, dict) else (each, 0) for each in value]
        return [each for each, _ in pairs], sum(more for _, more in pairs)
    return value, 0


def render(response: ChargingDataResponse) -> bytes:
    """The standard's JSON: whole numbers are numbers there, however long."""
    return json.dumps(_numbers(json_format.MessageToDict(response), ChargingDataResponse.DESCRIPTOR)).encode()


def _numbers(value: Mapping[str, Any], message: Descriptor) -> dict[str, Any]:  # Any: as JSON has it
    """Long numbers are texts in the JSON of protobuf."""
    fields = {field.json_name: field for field in message.fields}
    return {name: _number(inner, fields[name]) for name, inner in value.items()}


def _number(value: Any, field: FieldDescriptor) -> Any:  # Any: as JSON has it
    if isinstance(value, list):
        return [_number(each, field) for each in value]
    if isinstance(value, dict) and field.message_type is not None:
        return _numbers(value, field.message_type)
    return int(value) if field.type in _LONG else value
