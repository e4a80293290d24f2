"""How do rows in columns become usage records, field by field?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from google.type.money_pb2 import Money

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from usage_adapters.moments import MICROS, MomentRule
from usage_adapters.quantities import QuantityRule
from usage_adapters.reading import Chunk
from usage_adapters.table import Fault, Table
from usage_adapters.texts import TextRule
from usage_adapters.values import ValueRule

SUBSCRIPTIONS: Final = "subscriptions/"
_PREFIX: Final = "USAGE_TYPE_"
USAGE_WORDS: Final[Mapping[str, int]] = {
    name.removeprefix(_PREFIX).lower(): number for name, number in UsageType.items() if number
}
"""voice, sms, data, mms, content, iptv."""
USAGE_TYPES: Final[Mapping[str, int]] = {
    spelling: number
    for word, number in USAGE_WORDS.items()
    for spelling in (word, word.upper(), _PREFIX + word.upper())
}
_EXPECTED_TYPE: Final = f"one of {', '.join(sorted(USAGE_WORDS))}"
_NANOS: Final = 1000
# A dict in place of a Timestamp halves the time.
_RECORD: Final[Any] = UsageRecord  # Any: stubs don't know that a dict may stand for a Timestamp


class Condition(Protocol):
    """Which rows are no usage on purpose."""

    def rows(self, table: Table) -> set[int]:
        """Those that are skipped."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A rule for each field of a record."""

    source: TextRule
    record_id: TextRule
    subscription: TextRule
    usage_type: TextRule
    """Words of USAGE_TYPES."""
    start_time: MomentRule
    quantity: QuantityRule
    destination: TextRule | None = None
    visited_network: TextRule | None = None
    location_id: TextRule | None = None
    value: ValueRule | None = None
    skip: tuple[Condition, ...] = ()

    def apply(self, table: Table, chunk: Chunk) -> None:
        """Add to a chunk what the rows are: records, rejects, or skipped."""
        if not len(table):
            return
        skipped: set[int] = set().union(*(condition.rows(table) for condition in self.skip))
        sources, ids = self.source.values(table), self.record_id.values(table)
        subscriptions = self.subscription.values(table)
        types = _types(self.usage_type, table)
        starts = self.start_time.values(table)
        quantities = self.quantity.values(table, types)
        optional = [
            rule.values(table) if rule else _nothing(len(table))
            for rule in (self.destination, self.visited_network, self.location_id)
        ]
        values = self.value.values(table) if self.value else ()
        columns = (sources, ids, subscriptions, types, starts, quantities, *optional)
        _refuse_long(table, columns)
        if not table.refusals and not skipped:
            _extend(chunk, columns, table.raws, table.places)
            _set_values(chunk, values)
            return
        chunk.skipped += len(skipped)
        chunk.rejects.extend(
            table.reject(row, sources[row], ids[row]) for row in sorted(table.refusals) if row not in skipped
        )
        rows = [row for row in range(len(table)) if row not in skipped and row not in table.refusals]
        sound = tuple([column[row] for row in rows] for column in columns)
        _extend(chunk, sound, [table.raws[row] for row in rows], [table.places[row] for row in rows])
        _set_values(chunk, [values[row] for row in rows] if values else ())


_LONGEST: Final = {
    0: ("source", 63),
    1: ("record_id", 128),
    2: ("subscription", 77),
    6: ("destination", 64),
    7: ("visited_network", 6),
    8: ("location_id", 64),
}
"""By place in the columns: the most characters that the contract allows, so that no batch becomes too large to send."""


def _refuse_long(table: Table, columns: Sequence[Sequence[Any]]) -> None:
    """Any: texts beside numbers."""
    for place, (name, most) in _LONGEST.items():
        texts = columns[place]
        if max(map(len, texts)) > most:
            for row, text in enumerate(texts):
                if len(text) > most:
                    table.refuse(row, name, text, Fault(f"at most {most} characters"))


def _nothing(count: int) -> Sequence[str]:
    return [""] * count


def _types(rule: TextRule, table: Table) -> list[int]:
    words = rule.values(table)
    types = [USAGE_TYPES.get(word, 0) for word in words]
    if 0 in types:
        fault = Fault(_EXPECTED_TYPE)
        for row, number in enumerate(types):
            if not number:
                table.refuse(row, "usage_type", words[row], fault)
    return types


def _extend(chunk: Chunk, columns: Sequence[Sequence[Any]], raws: Sequence[bytes], places: Sequence[int]) -> None:
    """Records of columns that hold no refused row, in the order of `Plan.apply`. Any: texts beside numbers."""
    chunk.records.extend(
        [
            _RECORD(
                source=source,
                record_id=record_id,
                subscription=SUBSCRIPTIONS + subscription if subscription[:14] != SUBSCRIPTIONS else subscription,
                usage_type=usage_type,
                start_time={"seconds": start // MICROS, "nanos": start % MICROS * _NANOS},
                quantity=quantity,
                destination=destination,
                visited_network=visited_network,
                location_id=location_id,
            )
            for (
                source,
                record_id,
                subscription,
                usage_type,
                start,
                quantity,
                destination,
                visited_network,
                location_id,
            ) in zip(*columns, strict=True)
        ]
    )
    chunk.raws.extend(raws)
    chunk.places.extend(places)


def _set_values(chunk: Chunk, values: Sequence[Money | None]) -> None:
    """Set the own prices of the records added last; nearly none have one."""
    for record, value in zip(chunk.records[len(chunk.records) - len(values) :], values, strict=True):
        if value is not None:
            record.value.CopyFrom(value)


def required(what: str) -> str:
    """What is expected of a field that may not be empty."""
    return {"usage_type": _EXPECTED_TYPE}.get(what, f"a {what}")
