"""How does a TAP3 file become usage records?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final, Literal

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from usage_adapters.errors import FileRefusedError
from usage_adapters.gathering import Item, gather
from usage_adapters.reading import (
    RECORD_BYTES,
    Adapter,
    Chunk,
    Format,
    Mark,
    Options,
    Reason,
    Reject,
    Totals,
    kept,
    shown,
)
from usage_adapters.table import Fault
from usage_adapters.tap.audit import Audit
from usage_adapters.tap.ber import BerReader, BrokenBer
from usage_adapters.tap.decoding import Tree, UndecodableError, decode
from usage_adapters.tap.events import Context, Draft, drafts
from usage_adapters.tap.fields import EventFault
from usage_adapters.tap.header import Header
from usage_adapters.tap.settings import TapSettings, settings_of
from usage_adapters.tap.walking import RawEvent, TapFile, events, refused

NAME: Final = "tap3"
KNOWN_EVENTS: Final = frozenset({9, 10, 11, 12, 14, 17, 297, 433, 434})
"""Tags of call events; others are of releases to come."""
_BATCH: Final = 0x61
_NOTIFICATION: Final = 0x62
_CONTROL: Final = b"\x64"
_SENDER: Final = b"\x5f\x81\x44"
_HEADS: Final = 12
_SURE: Final = 0.99
_MICROS: Final = 1_000_000
_DIGEST_BYTES: Final = 16


def sniff(head: bytes) -> float:
    """A TransferBatch begins with its control information, a Notification with its sender."""
    if head[:1] and head[0] in (_BATCH, _NOTIFICATION):
        try:
            top = BerReader(BytesIO(head)).element()
        except BrokenBer:
            return 0.0
        first = _CONTROL if head[0] == _BATCH else _SENDER
        if top is not None and head[top.content : top.content + _HEADS].startswith(first):
            return _SURE
    return 0.0


def make(options: Options) -> Adapter:
    """Raises OptionError."""
    return TapAdapter(settings_of(options))


@dataclass(frozen=True, slots=True)
class TapAdapter:
    """Roaming files of one home network."""

    settings: TapSettings

    @property
    def name(self) -> str:
        return NAME

    @property
    def fingerprint(self) -> str:
        return self.settings.fingerprint

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        return "record"

    @property
    def grows(self) -> bool:
        return False

    @property
    def has_totals(self) -> bool:
        return True

    def verify(self, content: BinaryIO) -> Totals:
        """Reconcile the events with the audit control information. Raises FileRefusedError: the fatal errors of TAP."""
        file = TapFile(content)
        self._check(file.header)
        if file.header.is_notification:
            file.finish()
            return {"callEventDetailsCount": "0"}
        audit = Audit(file.header)
        for place, event in enumerate(file.events(), start=1):
            if not event.raw:
                raise FileRefusedError(
                    f"it is longer than {RECORD_BYTES:,} bytes", place=place, expected="a call event"
                )
            if event.element.number not in KNOWN_EVENTS:
                audit.count += 1
                continue
            try:
                kind, value = decode("CallEventDetail", event.raw)
            except UndecodableError as error:
                raise FileRefusedError(str(error), place=place, expected="a call event") from error
            audit.add(kind, value)
        return audit.reconcile(file.audit())

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        """The call events from `start` on."""
        if start.offset:
            header = Header.from_json(start.state)
            found = events(BerReader(content, start.offset), header.list_end)
        else:
            file = TapFile(content)
            header, found = file.header, file.events()
        self._check(header)
        yield from gather(self._items(header, found, start.place), start)

    def reread(self, raw: bytes, context: str) -> Chunk:
        """One call event."""
        header = Header.from_json(context)
        reader = BerReader(BytesIO(raw))
        try:
            element = reader.element()
            whole = reader.value(element, RECORD_BYTES) if element is not None else b""
        except BrokenBer as error:
            raise refused(error) from error
        if element is None or not reader.at_padding_only():
            raise FileRefusedError("it is no single element", expected="one call event in BER")
        records, rejects = self._records(header, RawEvent(element, whole, len(raw)), 0)
        count = len(records)
        return Chunk(
            records=list(records), places=[0] * count, raws=[raw] * count, rejects=list(rejects), context=context
        )

    def _check(self, header: Header) -> None:
        """Whether the file is for us, from whom we know, and in earnest."""
        settings = self.settings
        if settings.recipients and header.recipient not in settings.recipients:
            expected = f"one of {', '.join(sorted(settings.recipients))}"
            raise FileRefusedError(f"it is for {header.recipient}", expected=expected)
        if header.is_test and not settings.accepts_tests:
            raise FileRefusedError(
                "it is test data", expected="charging data, or test_files: accept in the mapping file"
            )
        if header.sender not in settings.networks and not header.is_notification:
            raise FileRefusedError(
                f"its sender {header.sender} is in no table", expected="a sender that networks lists"
            )

    def _items(self, header: Header, found: Iterator[RawEvent], place: int) -> Iterator[Item]:
        state = header.as_json()
        for number, event in enumerate(found, start=place + 1):
            records, rejects = self._records(header, event, number)
            yield Item(number, event.end, event.raw, tuple(records), tuple(rejects), state, state)

    def _records(self, header: Header, event: RawEvent, place: int) -> tuple[list[UsageRecord], list[Reject]]:
        """The event's records, or why there are none."""
        source = self.settings.source or f"tap:{header.sender}"
        name = hashlib.blake2b(event.raw, digest_size=_DIGEST_BYTES).hexdigest()
        try:
            kind, value = _decoded(event)
            found = drafts(kind, value, Context(header, self.settings))
            names = [name] if len(found) == 1 else [f"{name}:{number}" for number in range(1, len(found) + 1)]
            return [self._record(header, draft, source, each) for draft, each in zip(found, names, strict=True)], []
        except EventFault as fault:
            raw, complete = kept(event.raw)
            reject = Reject(
                place, fault.reason, fault.field, shown(fault.value), f"expected {fault.expected}", source, name, raw,
                complete and bool(event.raw),
            )  # fmt: skip
            return [], [reject]

    def _record(self, header: Header, draft: Draft, source: str, name: str) -> UsageRecord:
        network = self.settings.networks.get(draft.serving or header.sender)
        if network is None:
            raise EventFault("visited_network", draft.serving, "a network that networks lists", Reason.NOT_IN_TABLE)
        subscriptions = self.settings.subscriptions
        subscription = subscriptions.get(draft.imsi) or subscriptions.get(draft.msisdn)
        if subscription is None:
            value = draft.imsi or draft.msisdn
            raise EventFault("subscription", value, "a subscriber that the table lists", Reason.NOT_IN_TABLE)
        try:
            micros = header.micros(draft.stamp)
        except ValueError as error:
            raise EventFault("start_time", _stamp_text(draft.stamp), str(error)) from error
        destination = draft.destination
        if draft.dialled and destination:
            try:
                destination = network.dialling.normalise(destination)
            except Fault as fault:
                raise EventFault("destination", destination, fault.expected) from fault
        record = UsageRecord(
            source=source,
            record_id=name,
            subscription=f"subscriptions/{subscription.removeprefix('subscriptions/')}",
            usage_type=draft.usage_type,
            quantity=draft.quantity,
            destination=destination,
            visited_network=network.network,
            location_id=draft.cell,
        )
        record.start_time.seconds, micros = divmod(micros, _MICROS)
        record.start_time.nanos = micros * 1000
        return record


def _decoded(event: RawEvent) -> tuple[str, Tree]:
    if not event.raw:
        raise EventFault("", "", f"a call event of at most {RECORD_BYTES:,} bytes", Reason.TOO_LONG)
    if event.element.number not in KNOWN_EVENTS:
        raise EventFault("", str(event.element.number), "the tag of a call event of TAP3.12", Reason.NOT_IN_TABLE)
    try:
        kind, value = decode("CallEventDetail", event.raw)
    except UndecodableError as error:
        raise EventFault("", "", str(error), Reason.MALFORMED) from error
    return kind, value


def _stamp_text(stamp: Tree) -> str:
    local: bytes = stamp.get("localTimeStamp", b"")
    return f"{local.decode('ascii', 'backslashreplace')} with code {stamp.get('utcTimeOffsetCode')}"


FORMATS: Final = (Format(NAME, "GSMA TAP3.12 roaming file (BER)", sniff, make),)
