"""How is usage written in CSV by ourselves, and how is that read?

A header names the columns, in any order; they are the fields of cxmesh.usage.v1.UsageRecord:

    source,record_id,subscription,usage_type,start_time,quantity,destination,visited_network,location_id,value,currency
    msc-7,000123,s-17,voice,2026-01-31T12:00:00Z,61,442071234567,,,,

The last five may be missing. `subscription` is an id or `subscriptions/{id}`; `usage_type` is a word such as
voice or the enum's name; `start_time` is RFC 3339 and names its offset; `value` is the record's own price.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Final, TextIO

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from usage_adapters.delimited import Delimited
from usage_adapters.line_adapter import LineAdapter
from usage_adapters.moments import RFC3339, MomentRule, expectation, parser_of
from usage_adapters.plan import Plan, required
from usage_adapters.quantities import Measured
from usage_adapters.reading import Adapter, Format, Options
from usage_adapters.texts import Column, Constant, TextRule
from usage_adapters.values import Priced, amount_text

NAME: Final = "usage-csv"
REQUIRED: Final = ("source", "record_id", "subscription", "usage_type", "start_time", "quantity")
OPTIONAL: Final = ("destination", "visited_network", "location_id", "value", "currency")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
_PREFIX: Final = "USAGE_TYPE_"


def sniff(head: bytes) -> float:
    names = {name.strip() for name in head.partition(b"\n")[0].decode("utf-8-sig", "replace").split(",")}
    return 1.0 if names >= set(REQUIRED) else 0.0


def make(options: Options) -> Adapter:
    """`options.source` takes the place of the column."""

    def text(name: str) -> TextRule:
        return TextRule(name, Column(name), required=required(name) if name in REQUIRED else "")

    source = TextRule("source", Constant(options.source)) if options.source else text("source")
    plan = Plan(
        source=source,
        record_id=text("record_id"),
        subscription=text("subscription"),
        usage_type=text("usage_type"),
        start_time=MomentRule("start_time", Column("start_time"), (parser_of(RFC3339, None),), expectation([RFC3339])),
        quantity=Measured(Column("quantity")),
        destination=text("destination"),
        visited_network=text("visited_network"),
        location_id=text("location_id"),
        value=Priced(Column("value"), Column("currency")),
    )
    needed = tuple(name for name in COLUMNS if name != "source" or not options.source)
    return LineAdapter(
        name=NAME,
        layout=Delimited(reads_names=True, multiline=True),
        plan=plan,
        needed=needed,
        fingerprint=options.source,
        optional=frozenset(OPTIONAL),
        allowed=frozenset(COLUMNS),
    )


def write_usage_csv(records: Iterable[UsageRecord], to: TextIO) -> None:
    """The same layout, all columns."""
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow(
            (
                record.source,
                record.record_id,
                record.subscription,
                UsageType.Name(record.usage_type).removeprefix(_PREFIX).lower(),
                record.start_time.ToJsonString(),
                record.quantity,
                record.destination,
                record.visited_network,
                record.location_id,
                amount_text(record.value) if record.HasField("value") else "",
                record.value.currency_code,
            )
        )


FORMATS: Final = (Format(NAME, "CSV whose header names the fields of UsageRecord", sniff, make),)
