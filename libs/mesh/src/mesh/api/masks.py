"""Which fields does an update change (AIP-134), and what is the resource like then?"""

from collections.abc import Collection
from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from mesh.rpc import invalid_argument
from mesh.rpc.validation import RequestRules

M = TypeVar("M", bound=Message)
_EVERYTHING = "*"
_RULES = RequestRules()
_SHOWN_CHARACTERS = 80
"""Of a path that does not exist: errors travel in HTTP/2 headers of limited size."""


def changed_paths(mask: FieldMask, sent: Message, ignored: Collection[str]) -> list[str]:
    """The paths that an update changes: those in the mask, or every field that is set when it is empty.

    Fields in `ignored` are left out: output-only ones may be sent, and are not written. `*` means every field.
    Raises RpcError (INVALID_ARGUMENT) for a path that the resource does not have.
    """
    paths = list(mask.paths) or [field.name for field, _ in sent.ListFields()]
    if paths == [_EVERYTHING]:
        paths = list(sent.DESCRIPTOR.fields_by_name)
    for path in paths:
        if not _exists(path, sent):
            raise invalid_argument("update_mask", path[:_SHOWN_CHARACTERS], f"paths of {sent.DESCRIPTOR.name}")
    return [path for path in paths if path.partition(".")[0] not in ignored]


def merged(current: M, sent: M, paths: Collection[str], *, inside: str) -> M:
    """`current` with the values that `sent` has at `paths`; messages and lists are replaced as a whole.

    Raises RpcError (INVALID_ARGUMENT) when the result breaks the rules of its proto; `inside` is the name of the
    resource in the request. An update's own request isn't checked for them: it holds what changes and no more.
    """
    source = type(sent)()
    source.CopyFrom(sent)
    for path in paths:
        _make_parents(source, path)
    result = type(current)()
    result.CopyFrom(current)
    FieldMask(paths=paths).MergeMessage(source, result, replace_message_field=True, replace_repeated_field=True)
    _RULES.check(result, inside=inside)
    return result


def _make_parents(message: Message, path: str) -> None:
    """A path below a message that was not sent clears the field there; merging would skip it."""
    *parents, _ = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
        message.SetInParent()


def _exists(path: str, sent: Message) -> bool:
    *parents, last = path.split(".")
    fields = sent.DESCRIPTOR.fields_by_name
    for parent in parents:
        field = fields.get(parent)
        if field is None or field.is_repeated or field.message_type is None:
            return False
        fields = field.message_type.fields_by_name
    return last in fields
