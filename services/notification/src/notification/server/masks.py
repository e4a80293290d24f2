"""Which fields does an update change (AIP-134), and what is the resource like then?"""

from collections.abc import Collection
from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from notification.errors import InvalidValue

M = TypeVar("M", bound=Message)
_EVERYTHING = "*"


def paths_of(mask: FieldMask, sent: Message, ignored: Collection[str]) -> list[str]:
    """The paths that an update changes: those in the mask, or every field that is set when it is empty.

    Fields in `ignored` are left out: output-only ones may be sent, and are not written. `*` means every field.
    Raises InvalidValue for a path that the resource does not have.
    """
    paths = list(mask.paths) or [field.name for field, _ in sent.ListFields()]
    if paths == [_EVERYTHING]:
        paths = list(sent.DESCRIPTOR.fields_by_name)
    for path in paths:
        if not _exists(path, sent):
            raise InvalidValue("update_mask", f"paths of {sent.DESCRIPTOR.name}", value=path)
    return [path for path in paths if path.partition(".")[0] not in ignored]


def merged(current: M, sent: M, paths: Collection[str]) -> M:
    """`current` with the values that `sent` has at `paths`; lists are replaced as a whole."""
    source = type(sent)()
    source.CopyFrom(sent)
    for path in paths:
        _make_parents(source, path)
    result = type(current)()
    result.CopyFrom(current)
    FieldMask(paths=paths).MergeMessage(source, result, replace_message_field=True, replace_repeated_field=True)
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
