"""How are refused records kept so that nothing is lost, and read again after repair?

A quarantine is JSON Lines, an entry a refused record: where it came from, why it was refused, and its raw row. To
repair one, edit `raw` (or mend what it was refused for: a lookup table, a subscription), then read the file as the
format `quarantine`. A record keeps the identity that it was refused with: `source` and `record_id` of its entry, when
both are there.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Final, Literal

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from usage_adapters.errors import AdapterError, FileRefusedError
from usage_adapters.gathering import Item, gather
from usage_adapters.json_lines import NotJsonError, json_object
from usage_adapters.lines import BOM, LineReader
from usage_adapters.reading import CHUNK_ROWS, Adapter, Chunk, Format, Mark, Options, Reason, Reject, Totals
from usage_adapters.table import row_reject

NAME: Final = "quarantine"
_VERSION: Final = "1"
_LONGEST: Final = 2 * 1024 * 1024
_REMEMBERED: Final = 64
_READABLE: Final = 3 / 2
"""A raw row is kept as text when that is at most so many times its size."""


def entry_of(reject: Reject, adapter: Adapter, context: str, file: str, options: Options) -> str:
    """A line of a quarantine, without its line end."""
    told: dict[str, Any] = {  # Any: JSON values
        "cxmesh_quarantine": 1,
        "file": file,
        "format": adapter.name,
        adapter.place_name: reject.place,
        "reason": reject.reason,
        "field": reject.field,
        "value": reject.value,
        "description": reject.description,
        "source": reject.source,
        "record_id": reject.record_id,
        "raw_complete": reject.raw_complete,
    }
    if adapter.name == NAME:  # refused again: it stays what it was, with the reason of today
        told = _again(reject, told)
    else:
        given = {"source": options.source, "time_zone": options.time_zone, "country_code": options.country_code}
        told["options"] = {key: value for key, value in given.items() if value}
        told["context"] = context
        told.update(_raw(reject.raw))
    return json.dumps(told, ensure_ascii=False)


def _again(reject: Reject, told: dict[str, Any]) -> dict[str, Any]:
    try:
        before = json.loads(reject.raw)
    except ValueError:
        return {**told, **_raw(reject.raw)}
    if not isinstance(before, dict):
        return {**told, **_raw(reject.raw)}
    return before | {key: told[key] for key in ("reason", "field", "value", "description")}


def _raw(raw: bytes) -> dict[str, str]:
    try:
        text = raw.decode("utf-8")
        if len(json.dumps(text, ensure_ascii=False).encode()) <= len(raw) * _READABLE + 2:
            return {"raw": text}
    except UnicodeDecodeError:
        pass  # then in base64
    return {"raw_base64": base64.b64encode(raw).decode("ascii")}


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An Adapter for quarantines; the rows in them are read by the adapters that refused them."""

    options: Options
    name: str = NAME
    fingerprint: str = ""
    _known: dict[tuple[str, ...], Adapter] = field(default_factory=dict)

    @property
    def place_name(self) -> Literal["line", "record", "byte"]:
        return "line"

    @property
    def grows(self) -> bool:
        return True

    @property
    def has_totals(self) -> bool:
        return False

    def verify(self, content: BinaryIO) -> Totals:
        del content
        return {}

    def read(self, content: BinaryIO, start: Mark) -> Iterator[Chunk]:
        return gather(self._items(content, start), start)

    def reread(self, raw: bytes, context: str) -> Chunk:
        raise FileRefusedError(
            "a quarantine has no rows of its own", expected=f"one of another format, not {raw[:40]!r} {context}"
        )

    def _items(self, content: BinaryIO, start: Mark) -> Iterator[Item]:
        reader, place = LineReader(content, start.offset, longest=_LONGEST), start.place
        while (lines := reader.take(CHUNK_ROWS)).content:
            end = reader.offset - lines.size
            for index, line in enumerate(lines.content):
                cut = lines.cut.get(index, 0)
                place, end = place + 1, end + len(line) + cut
                raw = line.removeprefix(BOM) if place == 1 else line
                if cut:
                    yield Item(
                        place,
                        end,
                        raw,
                        rejects=(row_reject(place, Reason.TOO_LONG, "expected a shorter entry", raw, cut=cut),),
                    )
                elif raw.strip():
                    yield self._item(place, end, raw)

    def _item(self, place: int, end: int, raw: bytes) -> Item:
        try:
            entry = json_object(raw.decode("utf-8"))
            identity = _text(entry, "source"), _text(entry, "record_id")
            chunk = self._reread(entry)
        except (NotJsonError, UnicodeDecodeError) as error:
            return Item(
                place, end, raw, rejects=(Reject(place, Reason.MALFORMED, "", "", f"expected {error}", raw=raw),)
            )
        rejects = tuple(
            replace(reject, place=place, raw=raw, source=identity[0], record_id=identity[1]) for reject in chunk.rejects
        )
        return Item(place, end, raw, records=tuple(_identified(chunk.records, *identity)), rejects=rejects)

    def _reread(self, entry: Mapping[str, Any]) -> Chunk:
        if entry.get("cxmesh_quarantine") != _VERSION:
            raise NotJsonError('an entry of a quarantine ("cxmesh_quarantine": 1)')
        if entry.get("raw_complete") is not True:
            raise NotJsonError("the whole row: it was too long to be kept, so repair it in the provider's file")
        adapter = self._adapter(entry)
        try:
            return adapter.reread(_bytes(entry), _text(entry, "context"))
        except (FileRefusedError, ValueError, KeyError) as error:
            raise NotJsonError(f"a row and context of {adapter.name} ({error})") from error

    def _adapter(self, entry: Mapping[str, Any]) -> Adapter:
        """The one that refused the row. A format that needs an option which nothing gives ends the replay."""
        name = _text(entry, "format")
        given = entry.get("options")
        known: Mapping[str, Any] = given if isinstance(given, dict) else {}
        options = replace(
            self.options,
            source=self.options.source or _text(known, "source"),
            time_zone=self.options.time_zone or _text(known, "time_zone"),
            country_code=self.options.country_code or _text(known, "country_code"),
        )
        key = (name, options.source, options.time_zone, options.country_code)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._made(name, options)
        return self._known[key]

    def _made(self, name: str, options: Options) -> Adapter:
        from usage_adapters.registry import formats  # noqa: PLC0415  # the registry names this module

        known = formats()
        if name == NAME or (name not in known and not options.mapping):
            raise FileRefusedError(f"its rows are of '{name}'", expected="the mapping of that id beside it")
        try:
            adapter = known[name].make(options) if name in known else known["mapping"].make(options)
        except AdapterError as error:
            raise FileRefusedError(f"its rows are of '{name}', which can't be read: {error}") from error
        if adapter.name != name:
            raise FileRefusedError(f"its rows are of '{name}', but the mapping given is '{adapter.name}'")
        return adapter


def _identified(records: list[UsageRecord], source: str, record_id: str) -> list[UsageRecord]:
    """The records with the identity of their entry; of several in one row, the one that was refused."""
    if not (source and record_id):
        return records
    if len(records) == 1:
        records[0].source, records[0].record_id = source, record_id
        return records
    return [one for one in records if (one.source, one.record_id) == (source, record_id)] or records


def _bytes(entry: Mapping[str, Any]) -> bytes:
    if isinstance(entry.get("raw"), str):
        return _text(entry, "raw").encode()
    try:
        return base64.b64decode(_text(entry, "raw_base64"), validate=True)
    except binascii.Error as error:
        raise NotJsonError("raw, or raw_base64 in base64") from error


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str):
        raise NotJsonError(f"a text in {name}")
    return value


def sniff(head: bytes) -> float:
    return 1.0 if b'"cxmesh_quarantine": 1' in head.partition(b"\n")[0] else 0.0


FORMATS: Final = (Format(NAME, "refused records that an earlier run kept, repaired", sniff, Quarantine),)
