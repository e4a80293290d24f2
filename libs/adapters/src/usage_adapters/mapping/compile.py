"""Which adapter does a mapping declare?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final, Literal

from usage_adapters.conditions import ColumnIs, is_empty, is_in, is_not_in, matches
from usage_adapters.control import Control, ControlRecord, Total
from usage_adapters.delimited import Delimited
from usage_adapters.errors import OptionError
from usage_adapters.fixed_width import FixedWidth, Span
from usage_adapters.json_lines import JsonLines
from usage_adapters.layout import Layout
from usage_adapters.line_adapter import LineAdapter
from usage_adapters.mapping.document import Document, canonical, load_document
from usage_adapters.mapping.rules import Node, Rules
from usage_adapters.mapping.source import Source
from usage_adapters.mapping.tables import load_table
from usage_adapters.plan import Plan
from usage_adapters.reading import Options
from usage_adapters.texts import TextRule, lookup

_REQUIRED: Final = ("record_id", "subscription", "usage_type", "start_time", "quantity")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9_.:-]{1,200})\}")
_GIVEN_TABLE: Final = "the subscriptions given"


def compile_mapping(options: Options) -> LineAdapter:
    """The adapter of `options.mapping`. Raises MappingRefusedError or OptionError."""
    document, source = load_document(options.mapping, options)
    return Compiler(document, source, options).adapter()


class Compiler:
    """Makes one adapter of one document whose shape is right."""

    def __init__(self, document: Document, source: Source, options: Options) -> None:
        self.document = document
        self.source = source
        self.options = options
        self.kind: str = document["layout"]["kind"]
        self._digests: list[str] = []

    def adapter(self) -> LineAdapter:
        layout, control = self._layout(), self._control()
        rules = self.rules(layout, control)
        plan = self.plan(rules)
        for total in control.totals:
            if total.what == "sum":
                rules.column(("control", "totals"), total.of)
        self.source.finish()
        node: Node = self.document["layout"]
        return LineAdapter(
            name=self.name,
            layout=layout,
            plan=plan,
            needed=tuple(rules.used),
            fingerprint=self.fingerprint(),
            control=control,
            skip_lines=node.get("skip_lines", 0),
            comment=node.get("comment", "").encode(),
            grows=not control.trailer,
        )

    @property
    def name(self) -> str:
        return str(self.document["id"])

    def fingerprint(self) -> str:
        """Of everything that decides what a row becomes."""
        subscriptions = self.options.subscriptions
        parts = [canonical(self.document), *self._digests]
        if subscriptions is not None:
            parts.append("\x1f".join(f"{key}\x1e{value}" for key, value in sorted(subscriptions.items())))
        return hashlib.blake2b("\x1d".join(parts).encode(), digest_size=16).hexdigest()

    def rules(self, layout: Layout | None, control: Control) -> Rules:
        node: Node = self.document["layout"]
        known = frozenset(layout.names) if layout is not None and layout.names else None
        header = frozenset(control.header.names) if control.header else frozenset[str]()
        marks = node.get("decimal_mark", "."), node.get("grouping_mark", "")
        if marks[0] == marks[1]:
            self.source.refuse(("layout", "grouping_mark"), marks[1], "another character than decimal_mark")
        prefix = "header " if self.kind == "fixed-width" else ""
        return Rules(self.source, known, header, self._tables(), *marks, header_prefix=prefix)

    def plan(self, rules: Rules) -> Plan:
        fields: Node = self.document["fields"]
        for name in _REQUIRED:
            if name not in fields:
                self.source.refuse(("fields",), f"a mapping without {name}", f"the key {name}")
        self.source.finish()
        texts = {
            name: rules.text(name, fields[name], needed=name in _REQUIRED)
            for name in ("record_id", "usage_type", "destination", "visited_network", "location_id")
            if name in fields
        }
        start, quantity = rules.moment(("fields", "start_time"), fields["start_time"]), fields["quantity"]
        plan = Plan(
            source=self._source(rules, fields),
            record_id=texts["record_id"],
            subscription=self._subscription(rules, fields["subscription"]),
            usage_type=texts["usage_type"],
            start_time=start,
            quantity=rules.quantity(("fields", "quantity"), quantity),
            destination=texts.get("destination"),
            visited_network=texts.get("visited_network"),
            location_id=texts.get("location_id"),
            value=rules.value(("fields", "value"), fields["value"]) if "value" in fields else None,
            skip=tuple(self._condition(rules, index, node) for index, node in enumerate(self.document.get("skip", ()))),
        )
        self.source.finish()
        if rules.zone_missing:
            raise OptionError(
                "time_zone", f"times in {self.name} name no zone", expected="a time zone such as Europe/Vienna"
            )
        return plan

    def _source(self, rules: Rules, fields: Node) -> TextRule:
        if "source" not in fields:
            raise OptionError("source", f"{self.name} doesn't say who reported", expected="a source such as msc-7")
        return rules.text("source", fields["source"], needed=True)

    def _subscription(self, rules: Rules, node: Node) -> TextRule:
        """With the table given beside the mapping, which takes the place of one that the mapping names."""
        given = self.options.subscriptions
        if given is None:
            return rules.text("subscription", node, needed=True)
        own = {key: value for key, value in node.items() if key not in {"table", "otherwise"}}
        return rules.text("subscription", own, needed=True, steps=(lookup(given, f"a key of {_GIVEN_TABLE}"),))

    def _condition(self, rules: Rules, index: int, node: Node) -> ColumnIs:
        column = rules.column(("skip", index, "column"), node["column"])
        if "in" in node:
            return ColumnIs(column, is_in(frozenset(node["in"])))
        if "not_in" in node:
            return ColumnIs(column, is_not_in(frozenset(node["not_in"])))
        if "empty" in node:
            return ColumnIs(column, is_empty(node["empty"]))
        try:
            return ColumnIs(column, matches(node["matches"]))
        except re.error as error:
            self.source.refuse(("skip", index, "matches"), node["matches"], f"a regular expression ({error})")
            return ColumnIs(column, is_in(frozenset()))

    def _tables(self) -> Mapping[str, Mapping[str, str]]:
        folder = FilePath(self.options.mapping_folder or ".")
        made = {}
        for name, node in self.document.get("tables", {}).items():
            table = load_table(folder / node["file"], node["key"], node["value"], delimiter=node.get("delimiter", ","))
            made[name] = table.entries
            self._digests.append(table.digest)
        return made

    def _layout(self) -> Layout:
        node: Node = self.document["layout"]
        encoding = _codec(node.get("encoding", "utf-8"))
        if self.kind == "fixed-width":
            return self._fixed_width(node, encoding)
        if self.kind == "json-lines":
            return JsonLines(encoding)
        return self._delimited(node, encoding)

    def _fixed_width(self, node: Node, encoding: str) -> Layout:
        spans = self._spans(("layout", "columns"), node.get("columns", []))
        if not spans:
            self.source.refuse(("layout",), "a layout without columns", "columns with name, start and width")
            spans = {"": Span(0, 1)}
        others: dict[str, Span] = {}
        for which in ("header", "trailer"):
            columns = self.document.get("control", {}).get(which, {}).get("columns", [])
            others |= self._spans(("control", which, "columns"), columns, prefix=f"{which} ")
        return FixedWidth(spans, others, encoding, node.get("pad_short_rows", False))

    def _spans(self, path: tuple[str, ...], columns: list[Any], prefix: str = "") -> dict[str, Span]:
        """Any: names or spans, as the schema has it. Names of control records are told apart by a prefix."""
        spans: dict[str, Span] = {}
        for index, column in enumerate(columns):
            if not isinstance(column, dict):
                self.source.refuse((*path, index), column, "name, start and width, as rows are of fixed width")
            elif prefix + column["name"] in spans:
                self.source.refuse((*path, index), column["name"], "each column once")
            else:
                spans[prefix + column["name"]] = Span(column["start"] - 1, column["start"] - 1 + column["width"])
        return spans

    def _delimited(self, node: Node, encoding: str) -> Layout:
        ways = [way for way in ("columns", "template", "header") if node.get(way)]
        if len(ways) != 1:
            expected = "one of columns, template, header: true"
            self.source.refuse(("layout",), "a layout with " + (" and ".join(ways) or "none"), expected)
        names = self._names(node)
        delimiter, quote = node.get("delimiter", ","), node.get("quote", '"')
        if delimiter == quote or delimiter in "\r\n" or not (delimiter + quote).isascii():
            self.source.refuse(
                ("layout", "delimiter"), delimiter, "an ASCII character that is no quote and no line end"
            )
        if node.get("multiline") and (node.get("comment") or self.document.get("control")):
            expected = "false: rows over several lines can't be told from comments and control records"
            self.source.refuse(("layout", "multiline"), "true", expected)
        return Delimited(
            names=tuple(names),
            reads_names=bool(node.get("header")),
            delimiter=delimiter,
            quote=quote,
            strict_quotes=node.get("strict_quotes", True),
            multiline=node.get("multiline", False),
            trim=node.get("trim", False),
            encoding=encoding,
            widths=frozenset(node.get("widths", ())),
        )

    def _names(self, node: Node) -> list[str]:
        if "template" in node:
            names = _VARIABLE.findall(node["template"])
            if not names:
                self.source.refuse(("layout", "template"), node["template"], "variables such as ${uuid}")
            return names
        names = []
        for index, column in enumerate(node.get("columns", ())):
            name = column if isinstance(column, str) else column["name"]
            if not isinstance(column, str):
                self.source.refuse(("layout", "columns", index), name, "a name alone, as rows are delimited")
            if name in names:
                self.source.refuse(("layout", "columns", index), name, "each column once")
            names.append(name)
        return names

    def _control(self) -> Control:
        node: Node = self.document.get("control", {})
        if not node:
            return Control()
        header, trailer = self._record("header", node), self._record("trailer", node)
        records = {"header": header, "trailer": trailer}
        totals = [self._total(index, total, records) for index, total in enumerate(node.get("totals", ()))]
        mark = self.document["layout"].get("decimal_mark", ".")
        return Control(header, trailer, tuple(filter(None, totals)), mark)

    def _record(self, which: Literal["header", "trailer"], node: Node) -> ControlRecord | None:
        record = node.get(which)
        if record is None:
            return None
        prefix = f"{which} " if self.kind == "fixed-width" else ""
        names = [column if isinstance(column, str) else column["name"] for column in record.get("columns", ())]
        if self.kind in {"delimited", "json-lines"} and any(isinstance(one, dict) for one in record.get("columns", ())):
            self.source.refuse(("control", which, "columns"), "name, start and width", "names alone")
        return ControlRecord(record["starts_with"].encode(), tuple(prefix + name for name in names))

    def _total(self, index: int, node: Node, records: Mapping[str, ControlRecord | None]) -> Total | None:
        path = ("control", "totals", index)
        where: Literal["header", "trailer"] = "header" if "header" in node else "trailer"
        whats: dict[str, Literal["count", "sum", "same"]] = {"count": "count", "sum": "sum", "same_as_header": "same"}
        what = next((key for key in whats if key in node), "")
        if where not in node or not what:
            expected = "header or trailer, and one of count, sum, same_as_header"
            self.source.refuse(path, f"a mapping with {' and '.join(node)}", expected)
            return None
        prefix = f"{where} " if self.kind == "fixed-width" else ""
        name, of = prefix + node[where], str(node[what])
        if what == "same_as_header":
            of = ("header " if self.kind == "fixed-width" else "") + of
            self._check_name((*path, what), of, records["header"])
        self._check_name((*path, where), name, records[where])
        return Total(where, name, whats[what], of)

    def _check_name(self, path: tuple[str | int, ...], name: str, record: ControlRecord | None) -> None:
        if record is None or name not in record.names:
            self.source.refuse(path, name, "a column of that control record")


def _codec(encoding: str) -> str:
    return encoding.replace("windows-", "cp")
