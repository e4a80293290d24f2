"""How are CloudEvents read (CloudEvents 1.0, JSON event format): one a line, a batch in a list, or a single one?

An event's data is a usage record in proto JSON, or anything else through a mapping whose columns are paths in the
event, such as `data.msisdn`, `id` or an extension's name. Where the data doesn't say them, the event's source and id
identify the record.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from usage_adapters.content import BLOCK_BYTES, rejoined
from usage_adapters.errors import FileRefusedError
from usage_adapters.json_items import ItemReader, RawItem
from usage_adapters.json_lines import NotJsonError, cell_at, json_object
from usage_adapters.layout import Split, too_long
from usage_adapters.lines import BOM, LineReader
from usage_adapters.moments import RFC3339, MomentRule, expectation, parser_of
from usage_adapters.plan import USAGE_TYPES, USAGE_WORDS, Plan, required
from usage_adapters.quantities import Measured
from usage_adapters.reading import CHUNK_BYTES, CHUNK_ROWS, Adapter, Chunk, Format, Mark, Options, Reason, Totals
from usage_adapters.table import Table
from usage_adapters.texts import Column, Constant, FirstOf, TextRule, lookup
from usage_adapters.values import MoneyParts

NAME: Final = "cloudevents"
_FIELDS: Final = {
    "source": "source",
    "record_id": "recordId",
    "subscription": "subscription",
    "usage_type": "usageType",
    "start_time": "startTime",
    "quantity": "quantity",
    "destination": "destination",
    "visited_network": "visitedNetwork",
    "location_id": "locationId",
    "value.units": "value.units",
    "value.nanos": "value.nanos",
    "value.currency_code": "value.currencyCode",
}
"""Fields of UsageRecord, and of messages in it, by their names in proto JSON, which takes both spellings."""
_KNOWN: Final = frozenset(name.partition(".")[0] for names in _FIELDS.items() for name in names)
_KNOWN_OF_VALUE: Final = frozenset(
    part for names in _FIELDS.items() for name in names for _, dot, part in [name.partition(".")] if dot
)
_NUMBERS: Final = {str(number): word for word, number in USAGE_WORDS.items()}
_JSON: Final = re.compile(r"[\w.+-]+/(json|[\w.-]+\+json)(\s*;.*)?", re.IGNORECASE)
_SPECVERSION: Final = re.compile(rb'"specversion"\s*:\s*"1\.0"')


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """An Adapter for files of CloudEvents."""

    name: str
    plan: Plan
    needed: tuple[str, ...]
    is_mapped: bool
    """Whether `needed` are paths in the event rather than fields of its data."""
    fingerprint: str = ""

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        return "record"

    @property
    def grows(self) -> bool:
        return True

    @property
    def has_totals(self) -> bool:
        """A batch that was cut off is refused whole."""
        return True

    def verify(self, content: BinaryIO) -> Totals:
        for _ in self._items(content, Mark()):
            pass
        return {}

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        place, rows, items = start.place, start.rows, list[RawItem]()
        size, state = 0, start.state
        for item, shape in self._items(content, start):
            items.append(item)
            size, state = size + len(item.raw), shape
            if len(items) == CHUNK_ROWS or size > CHUNK_BYTES:
                chunk = self._chunk(items, place)
                place, rows = place + len(items), rows + chunk.rows
                chunk.end = Mark(items[-1].end, rows, place, state)
                yield chunk
                items, size = [], 0
        if items:
            chunk = self._chunk(items, place)
            chunk.end = Mark(items[-1].end, rows + chunk.rows, place + len(items), state)
            yield chunk

    def reread(self, raw: bytes, context: str) -> Chunk:
        del context
        return self._chunk([RawItem(raw, 0)], -1)

    def _items(self, content: BinaryIO, start: Mark) -> Iterator[tuple[RawItem, str]]:
        """Raw events, each with the shape of the file."""
        if start.state == "list":
            for item in ItemReader(content, start.offset).items(begun=True):
                yield item, "list"
            return
        if start.state:
            yield from self._lines(LineReader(content, start.offset), alone=False)
            return
        head = content.read(BLOCK_BYTES)
        whole = rejoined(head, content)
        if head.removeprefix(BOM).lstrip()[:1] == b"[":
            for item in ItemReader(whole).items(begun=False):
                yield item, "list"
        else:
            yield from self._lines(LineReader(whole), alone=True)

    def _lines(self, reader: LineReader, *, alone: bool) -> Iterator[tuple[RawItem, str]]:
        """An event a line; or, when the first line is no whole event, one event over all lines."""
        lines = reader.take(CHUNK_ROWS)
        if alone and lines.content and _is_open(lines.content[0]):
            yield self._single(reader, lines.content), "lines"
            return
        while lines.content:
            end = reader.offset - lines.size
            for index, line in enumerate(lines.content):
                cut = lines.cut.get(index, 0)
                end += len(line) + cut
                if line.strip():
                    yield RawItem(line, end, cut), "lines"
            lines = reader.take(CHUNK_ROWS)

    def _single(self, reader: LineReader, lines: Sequence[bytes]) -> RawItem:
        raw = b"".join(lines)
        more = reader.take(1)
        if more.content or len(raw) > CHUNK_BYTES:
            raise FileRefusedError("it is neither one event, nor a list, nor an event a line")
        return RawItem(raw, reader.offset)

    def _chunk(self, items: Sequence[RawItem], place: int) -> Chunk:
        chunk, split = Chunk(), Split()
        columns = [self._getter(name) for name in self.needed]
        for number, item in enumerate(items, place + 1):
            if item.cut:
                chunk.rejects.append(too_long(number, item.raw, item.cut))
                continue
            try:
                event = event_of(item.raw)
                if not self.is_mapped:
                    _check_data(event)
                row = [column(event) for column in columns]
            except NotJsonError as error:
                split.refuse(number, Reason.MALFORMED, f"expected {error}", item.raw)
            else:
                split.rows.append(row)
                split.raws.append(item.raw)
                split.places.append(number)
        chunk.rejects.extend(split.rejects)
        self.plan.apply(Table(split.columns(self.needed), split.raws, split.places), chunk)
        chunk.rejects.sort(key=lambda reject: reject.place)
        return chunk

    def _getter(self, name: str) -> Any:
        """Any: a function of the event, whose values are JSON."""
        if self.is_mapped or name.startswith("event "):
            return cell_at(name.removeprefix("event ").split("."))
        camel, snake = (cell_at(["data", *spelling.split(".")]) for spelling in (_FIELDS[name], name))
        return lambda event: camel(event) or snake(event)


def event_of(raw: bytes) -> dict[str, Any]:
    """The event with its data as JSON. Raises NotJsonError. Any: a tree of JSON values."""
    try:
        text = raw.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJsonError("UTF-8") from error
    event = json_object(text)
    if event.get("specversion") != "1.0":
        raise NotJsonError('a CloudEvent with "specversion": "1.0"')
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise NotJsonError(f"a CloudEvent with the attribute {name}")
    kind = event.get("datacontenttype")
    if kind is not None and not (isinstance(kind, str) and _JSON.fullmatch(kind)):
        raise NotJsonError("data in JSON: datacontenttype is another")
    if "data_base64" in event:
        event["data"] = _unpacked(event)
    return event


def _unpacked(event: dict[str, Any]) -> dict[str, Any]:
    packed = event["data_base64"]
    if "data" in event or not isinstance(packed, str):
        raise NotJsonError("either data or data_base64, the latter a string")
    try:
        return json_object(base64.b64decode(packed, validate=True).decode("utf-8"))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotJsonError("JSON in base64 in data_base64") from error


def _check_data(event: dict[str, Any]) -> None:
    data = event.get("data")
    if not isinstance(data, dict):
        raise NotJsonError("data that is a usage record, or a mapping that says how to read it")
    unknown = sorted(data.keys() - _KNOWN)
    if unknown:
        raise NotJsonError(f"fields of UsageRecord in data: {', '.join(unknown)[:200]} is none")
    value = data.get("value")
    if value is not None and (not isinstance(value, dict) or value.keys() - _KNOWN_OF_VALUE or not value):
        raise NotJsonError("currencyCode, units and nanos in data.value, and nothing else")


def _is_open(line: bytes) -> bool:
    """Whether a line begins an object that it doesn't end."""
    try:
        json.loads(line.removeprefix(BOM))
    except (ValueError, RecursionError):
        return line.count(b"{") > line.count(b"}")
    return False


def sniff(head: bytes) -> float:
    text = head.removeprefix(BOM).lstrip()
    return 0.95 if text[:1] in (b"{", b"[") and _SPECVERSION.search(text) else 0.0


def make(options: Options) -> Adapter:
    """An adapter for data in proto JSON; `options.source` takes the place of what the events say."""

    def text(name: str) -> TextRule:
        return TextRule(name, Column(name), required=required(name) if name in _REQUIRED else "")

    def identity(name: str, attribute: str) -> TextRule:
        return TextRule(name, FirstOf((Column(name), Column(f"event {attribute}"))), required=required(name))

    source = identity("source", "source")
    if options.source:
        source = TextRule("source", Constant(options.source))
    subscription = text("subscription")
    if options.subscriptions is not None:
        step = lookup(options.subscriptions, "a key of the subscriptions given")
        subscription = TextRule("subscription", Column("subscription"), (step,), required=required("subscription"))
    words = {**{word: word for word in USAGE_TYPES}, **_NUMBERS}
    plan = Plan(
        source=source,
        record_id=identity("record_id", "id"),
        subscription=subscription,
        usage_type=TextRule("usage_type", Column("usage_type"), (lambda word: words.get(word, word),)),
        start_time=MomentRule("start_time", Column("start_time"), (parser_of(RFC3339, None),), expectation([RFC3339])),
        quantity=Measured(Column("quantity"), empty=0),
        destination=text("destination"),
        visited_network=text("visited_network"),
        location_id=text("location_id"),
        value=MoneyParts(Column("value.units"), Column("value.nanos"), Column("value.currency_code")),
    )
    needed = (*_FIELDS, "event source", "event id")
    return CloudEvents(NAME, plan, needed, is_mapped=False, fingerprint=options.source)


_REQUIRED: Final = frozenset({"subscription"})

FORMATS: Final = (Format(NAME, "CloudEvents 1.0 in JSON: one a line, or a batch; data = UsageRecord", sniff, make),)
