"""How is a TAP file read from its start to its end, one call event at a time?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import RECORD_BYTES
from usage_adapters.tap.ber import BerReader, BrokenBer, Element, TooLongError
from usage_adapters.tap.decoding import Tree, UndecodableError, decode
from usage_adapters.tap.header import Header, header_of, with_accounting, with_network

TRANSFER_BATCH: Final = 1
NOTIFICATION: Final = 2
_EVENTS: Final = 3
_CONTROL: Final = 4
_ACCOUNTING: Final = 5
_NETWORK: Final = 6
_AUDIT: Final = 15
_HEADER_BYTES: Final = 1024 * 1024
"""Of each part of the header; lists of recording entities may be long."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One call event as it stands in the file."""

    element: Element
    raw: bytes
    """Empty when it is longer than a record may be."""
    end: int


class TapFile:
    """A file under way."""

    def __init__(self, content: BinaryIO) -> None:
        """`content` stands at its start. Raises FileRefusedError, as everything here does, for what is no TAP file."""
        self._reader = BerReader(content)
        self._top = self._element()
        if not self._top.constructed or not (
            self._top.is_application(TRANSFER_BATCH) or self._top.is_application(NOTIFICATION)
        ):
            raise FileRefusedError("it is no TAP file", expected="a TransferBatch or a Notification")
        self._audit: Tree | None = None
        self._list: Element | None = None
        self.header = self._notification() if self._top.is_application(NOTIFICATION) else self._batch()

    def events(self) -> Iterator[RawEvent]:
        """The call events; the header says what they refer to."""
        if self._list is not None:
            yield from events(self._reader, self._list.end)

    def audit(self) -> Tree:
        """What comes after the events, up to the file's end."""
        while self._audit is None:
            element = self._inner()
            if element is None:
                raise FileRefusedError("it has no auditControlInfo", expected="a whole TransferBatch")
            if element.is_application(_AUDIT):
                self._audit = self._decoded("AuditControlInfo", element)
            else:
                self._skip(element)
        self.finish()
        return self._audit

    def finish(self) -> None:
        """Read on to the file's end: nothing but zero bytes may follow."""
        while (element := self._inner()) is not None:
            self._skip(element)
        if not self._reader.at_padding_only():
            raise FileRefusedError("something follows the end of the TAP file", place=self._reader.offset)

    def _batch(self) -> Header:
        header: Header | None = None
        while (element := self._inner()) is not None:
            if header is None:
                if not element.is_application(_CONTROL):
                    break
                header = header_of(self._decoded("BatchControlInfo", element), is_notification=False)
            elif element.is_application(_ACCOUNTING):
                header = with_accounting(header, self._decoded("AccountingInfo", element))
            elif element.is_application(_NETWORK):
                header = with_network(header, self._decoded("NetworkInfo", element))
            elif element.is_application(_EVENTS):
                self._list = element
                return replace(_complete(header), list_end=element.end)
            elif element.is_application(_AUDIT):
                self._audit = self._decoded("AuditControlInfo", element)
                return _complete(header)
            else:
                self._skip(element)
        if header is None:
            raise FileRefusedError("it does not begin with batchControlInfo", expected="a whole TransferBatch")
        raise FileRefusedError("it has neither callEventDetails nor auditControlInfo", expected="a whole TransferBatch")

    def _notification(self) -> Header:
        """All of it is the header."""
        return header_of(self._decoded("Notification", self._top), is_notification=True)

    def _inner(self) -> Element | None:
        """The next element of the batch; None at its end."""
        if self._top.is_application(NOTIFICATION):
            return None
        if self._top.end is not None and self._reader.offset >= self._top.end:
            if self._reader.offset > self._top.end:
                raise FileRefusedError("an element reaches beyond the file's end", place=self._reader.offset)
            return None
        element = self._element()
        return None if self._top.end is None and element.is_end_of_contents else element

    def _element(self) -> Element:
        try:
            element = self._reader.element()
        except BrokenBer as error:
            raise refused(error) from error
        if element is None:
            raise FileRefusedError("it ends too soon", place=self._reader.offset, expected="a whole TAP file")
        return element

    def _skip(self, element: Element) -> None:
        try:
            self._reader.skip(element)
        except BrokenBer as error:
            raise refused(error) from error

    def _decoded(self, name: str, element: Element) -> Tree:
        try:
            found: Tree = decode(name, self._reader.value(element, _HEADER_BYTES))
        except TooLongError as error:
            raise FileRefusedError(f"its {name} is too long", expected=f"at most {_HEADER_BYTES:,} bytes") from error
        except BrokenBer as error:
            raise refused(error) from error
        except UndecodableError as error:
            raise FileRefusedError(str(error), place=element.start) from error
        return found


def events(reader: BerReader, list_end: int | None) -> Iterator[RawEvent]:
    """Call events up to the end of their list: where it says, or where an end-of-contents element stands."""
    try:
        while list_end is None or reader.offset < list_end:
            element = reader.element()
            if element is None:
                raise FileRefusedError("it ends within its callEventDetails", place=reader.offset)
            if list_end is None and element.is_end_of_contents:
                return
            try:
                raw = reader.value(element, RECORD_BYTES)
            except TooLongError:
                raw = b""
            yield RawEvent(element, raw, reader.offset)
        if reader.offset > list_end:
            raise FileRefusedError("an event reaches beyond the list of events", place=reader.offset)
    except BrokenBer as error:
        raise refused(error) from error


def refused(error: BrokenBer) -> FileRefusedError:
    """A file whose bytes are broken."""
    return FileRefusedError(error.problem, place=error.offset, expected="BER")


def _complete(header: Header) -> Header:
    if header.decimals is None:
        raise FileRefusedError("it has no accountingInfo", expected="a whole TransferBatch")
    if not header.offsets:
        raise FileRefusedError(
            "its networkInfo lists no utcTimeOffsetInfo", expected="the offsets of its times from UTC"
        )
    return header
