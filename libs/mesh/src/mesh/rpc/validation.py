"""Does a request keep the rules that its proto states, and if not, which field breaks which?"""

from typing import Any, Protocol, cast

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from protovalidate import Validator, Violation

from mesh.rpc.errors import MESH_DOMAIN, FieldViolation, Reason, RpcError
from mesh.rpc.texts import NUL, carries_rules, nul_paths

_ZERO = NUL.encode()
_SHOWN_CHARACTERS = 80
"""A longer value is cut: the caller knows what it sent, and errors travel in HTTP/2 headers of limited size."""
_SHOWN_VIOLATIONS = 10
"""For the same reason; a batch can break a rule a thousand times."""


class RequestRules:
    """Checks requests against the protovalidate rules in their protos."""

    def __init__(self) -> None:
        self._validator = Validator()
        self._ruled: dict[type[Message], bool] = {}
        """Whether it carries rules at all. One that doesn't is somebody else's (OTLP), and passes."""

    def compile(self, kind: type[Message]) -> None:
        """Compile the rules of a request type now; raises protovalidate.CompilationError when they are wrong."""
        if self._carries_rules(kind):
            self._validator.collect_violations(kind())

    def check(self, request: Message, *, inside: str = "", sent: bytes | None = None) -> None:
        """Raise RpcError (INVALID_ARGUMENT) that names every field that breaks a rule, its value and the rule.

        Texts must hold no NUL characters, since no database keeps them; fields with `ignore: IGNORE_ALWAYS` are checked
        by who handles them. `inside` is the path of the message in the request, when it is a part of one; `sent` is
        the request as it came.
        """
        if not self._carries_rules(type(request)):
            return
        violations = self._validator.collect_violations(request)
        if violations:
            described = [
                _describe(cast("Descriptor", request.DESCRIPTOR), violation, inside)
                for violation in violations[:_SHOWN_VIOLATIONS]
            ]
            raise _invalid(described, len(violations))
        # Nearly no request has a byte of zero anywhere, and to look for one costs next to nothing.
        if _ZERO in (request.SerializeToString() if sent is None else sent) and (paths := list(nul_paths(request))):
            shown = [".".join(filter(None, (inside, path))) for path in paths[:_SHOWN_VIOLATIONS]]
            raise _invalid([FieldViolation(path, "must hold no NUL characters") for path in shown], len(paths))

    def _carries_rules(self, kind: type[Message]) -> bool:
        ruled = self._ruled.get(kind)
        if ruled is None:
            ruled = self._ruled[kind] = carries_rules(kind)
        return ruled


def _invalid(shown: list[FieldViolation], count: int) -> RpcError:
    message = "; ".join(f"{violation.field or 'request'}: {violation.description}" for violation in shown[:3])
    if count > len(shown[:3]):
        message += f"; and {count - len(shown[:3])} more"
    return RpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        message,
        reason=Reason.INVALID_REQUEST,
        domain=MESH_DOMAIN,
        metadata={"violations": str(count)},
        field_violations=shown,
    )


class _Element(Protocol):
    """What is used of buf.validate.FieldPathElement, whose class comes from another protobuf runtime."""

    field_name: str
    subscript: Any  # a one-of of that runtime: None, or an object with `field` and `value`


def _describe(root: Descriptor, violation: Violation, inside: str) -> FieldViolation:
    proto = violation.proto
    elements = cast("list[_Element]", list(proto.field.elements)) if proto.field is not None else []
    description = proto.message or proto.rule_id
    shown = "a value that is not shown" if _is_secret(root, elements) else _shown(violation.field_value)
    if shown is not None:
        description = f"{description}, got {shown}"
    path = ".".join(part for part in (inside, _path(elements)) if part)
    return FieldViolation(path, description)


def _path(elements: list[_Element]) -> str:
    path = ""
    for element in elements:
        path += ("." if path else "") + element.field_name
        if element.subscript is not None:
            value = element.subscript.value
            path += f'["{value}"]' if isinstance(value, str) else f"[{value}]"
    return path


def _is_secret(root: Descriptor, elements: list[_Element]) -> bool:
    """Whether a field on the way is marked `debug_redact` in its proto."""
    message: Descriptor | None = root
    for element in elements:
        field: FieldDescriptor | None = message.fields_by_name.get(element.field_name) if message else None
        if field is None:
            return False
        if field.GetOptions().debug_redact:
            return True
        message = field.message_type
    return False


def _shown(value: object) -> str | None:
    """The value as a caller would write it; None for messages and the like, which the rule's own text must explain."""
    if not isinstance(value, bool | int | float | str | bytes):
        return None
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(value)} long)"  # type: ignore[arg-type]  # only texts get long
