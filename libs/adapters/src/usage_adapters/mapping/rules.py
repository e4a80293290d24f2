"""Which rules do the fields of a mapping declare, and which of its columns, tables, zones and formats make no sense?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from usage_adapters.e164 import Dialling
from usage_adapters.mapping.source import Path, Source
from usage_adapters.moments import Ambiguous, LocalClock, MomentRule, Parser, expectation, parser_of, zone_of
from usage_adapters.plan import SUBSCRIPTIONS, USAGE_TYPES, USAGE_WORDS, required
from usage_adapters.quantities import ByType, Elapsed, Given, Measured, QuantityRule
from usage_adapters.texts import (
    Base,
    Column,
    Constant,
    Digest,
    FirstOf,
    HeaderValue,
    Joined,
    Step,
    TextRule,
    lookup,
    prefixed,
    without_prefixes,
)
from usage_adapters.values import Priced, ValueRule

_BASES: Final = ("column", "constant", "header", "join", "first_of", "digest")
Node = Mapping[str, Any]
"""A part of a mapping. Any: its values are checked by the schema."""


@dataclass(slots=True)
class Rules:
    """Makes rules from a checked document and notes in `source` what is wrong with them."""

    source: Source
    known: frozenset[str] | None
    """Columns of the layout; None when the file names them, or any path will do."""
    header_names: frozenset[str]
    tables: Mapping[str, Mapping[str, str]]
    decimal_mark: str = "."
    grouping_mark: str = ""
    header_prefix: str = ""
    """What stands before `header_names` to tell them from columns of the trailer."""
    used: dict[str, None] = field(default_factory=dict)
    """Columns that rules read, in the order in which they were named."""
    zone_missing: list[Path] = field(default_factory=list)
    """Moments whose formats need a time zone that nothing gives."""

    def text(self, name: str, node: Node, *, needed: bool = False, steps: tuple[Step, ...] = ()) -> TextRule:
        path: Path = ("fields", name)
        made = (*self._steps(path, node), *steps)
        if name == "subscription":
            made = (*made, without_prefixes((SUBSCRIPTIONS,)))
        if name == "usage_type":
            self._check_words(path, node)
        return TextRule(
            field=name,
            base=self.base(path, node),
            steps=made,
            default=str(node.get("default", "")),
            required=required(name) if needed else "",
        )

    def base(self, path: Path, node: Node) -> Base:
        chosen = [key for key in _BASES if key in node]
        if len(chosen) != 1 or ("with" in node and "join" not in node):
            self.source.refuse(
                path, "a mapping with " + (" and ".join(chosen) or "none"), f"one of {', '.join(_BASES)}"
            )
            return Constant("")
        return self._bases[chosen[0]](self, path, node)

    def _column(self, path: Path, node: Node) -> Base:
        return Column(self.column((*path, "column"), node["column"]))

    def _constant(self, path: Path, node: Node) -> Base:
        del path
        return Constant(node["constant"])

    def _header(self, path: Path, node: Node) -> Base:
        name = self.header_prefix + node["header"]
        if name not in self.header_names:
            expected = f"a column of the header record{_among(self.header_names)}"
            self.source.refuse((*path, "header"), node["header"], expected)
        return HeaderValue(name)

    def _join(self, path: Path, node: Node) -> Base:
        parts = [self.base((*path, "join", index), part) for index, part in enumerate(node["join"])]
        return Joined(tuple(parts), node.get("with", ""))

    def _first_of(self, path: Path, node: Node) -> Base:
        return FirstOf(
            tuple(self.base((*path, "first_of", index), part) for index, part in enumerate(node["first_of"]))
        )

    def _digest(self, path: Path, node: Node) -> Base:
        if node["digest"] == "row":
            return Digest(())
        names = [self.column((*path, "digest", index), name) for index, name in enumerate(node["digest"])]
        return Digest(tuple(Column(name) for name in names))

    _bases: ClassVar[Mapping[str, Callable[[Rules, Path, Node], Base]]] = {
        "column": _column,
        "constant": _constant,
        "header": _header,
        "join": _join,
        "first_of": _first_of,
        "digest": _digest,
    }

    def column(self, path: Path, name: str) -> str:
        if self.known is not None and name not in self.known:
            self.source.refuse(path, name, f"a column of the layout{_among(self.known)}")
        self.used[name] = None
        return name

    def _steps(self, path: Path, node: Node) -> tuple[Step, ...]:
        steps: list[Step] = []
        if "strip_prefixes" in node:
            steps.append(without_prefixes(node["strip_prefixes"]))
        if "e164" in node:
            steps.append(_dialling(node["e164"]).step())
        if "map" in node and "table" in node:
            self.source.refuse((*path, "table"), node["table"], "a map or a table, not both")
        elif "map" in node:
            steps.append(lookup(node["map"], f"one of {', '.join(node['map'])}", node.get("otherwise")))
        elif "table" in node:
            steps += self._table(path, node)
        elif "otherwise" in node:
            self.source.refuse((*path, "otherwise"), node["otherwise"], "a map or a table beside it")
        if node.get("prefix"):
            steps.append(prefixed(node["prefix"]))
        return tuple(steps)

    def _table(self, path: Path, node: Node) -> list[Step]:
        name = node["table"]
        if name not in self.tables:
            self.source.refuse((*path, "table"), name, f"a table of this mapping{_among(self.tables)}")
            return []
        return [lookup(self.tables[name], f"a key of the table {name}", node.get("otherwise"))]

    def _check_words(self, path: Path, node: Node) -> None:
        """Usage types that are written in the mapping itself."""
        words = [((*path, key), node[key]) for key in ("constant", "otherwise", "default") if key in node]
        words += [((*path, "map", key), word) for key, word in node.get("map", {}).items()]
        for place, word in words:
            if word not in USAGE_TYPES and not ("map" in node and place[-1] == "constant"):
                self.source.refuse(place, word, f"one of {', '.join(sorted(USAGE_WORDS))}")

    def moment(self, path: Path, node: Node) -> MomentRule:
        base = self.base(path, {key: value for key, value in node.items() if key in {*_BASES, "with"}})
        clock = self._clock(path, node)
        parsers = [
            self._parser((*path, "formats", index), one, clock, path) for index, one in enumerate(node["formats"])
        ]
        return MomentRule(str(path[-1]), base, tuple(filter(None, parsers)), expectation(node["formats"]))

    def _clock(self, path: Path, node: Node) -> LocalClock | None:
        if "time_zone" not in node:
            return None
        ambiguous: Ambiguous = node.get("ambiguous", "earlier")
        try:
            return LocalClock(zone_of(node["time_zone"]), ambiguous)
        except ValueError:
            self.source.refuse((*path, "time_zone"), node["time_zone"], 'an IANA time zone such as "Europe/Vienna"')
            return LocalClock(zone_of("UTC"), ambiguous)

    def _parser(self, path: Path, pattern: str, clock: LocalClock | None, moment: Path) -> Parser | None:
        try:
            return parser_of(pattern, clock)
        except KeyError:
            self.zone_missing.append(moment)
        except ValueError as error:
            expected = f'rfc3339, epoch, epoch_ms, epoch_us, or a pattern such as "%Y-%m-%d %H:%M:%S" ({error})'
            self.source.refuse(path, pattern, expected)
        return None

    def value(self, path: Path, node: Node) -> ValueRule:
        """The record's own price."""
        kinds = {key: node[key] for key in ("column", "first_of") if key in node}
        if len(kinds) != 1:
            self.source.refuse(path, f"a mapping with {' and '.join(kinds) or 'none'}", "one of column, first_of")
            return Priced(Constant(""), Constant(""))
        beside: Path = (*path, "currency")
        currency = TextRule(
            "value",
            self.base(beside, node["currency"]),
            self._steps(beside, node["currency"]),
            node["currency"].get("default", ""),
        )
        return Priced(self.base(path, kinds), currency, node.get("decimals", 0), self.decimal_mark, self.grouping_mark)

    def quantity(self, path: Path, node: Node) -> QuantityRule:
        kinds = [key for key in ("column", "first_of", "constant", "from", "by_type") if key in node]
        if len(kinds) != 1 or ("to" in node) != ("from" in node):
            expected = "one of column, first_of, constant, from (and to), by_type"
            self.source.refuse(path, "a mapping with " + (" and ".join(kinds) or "none"), expected)
            return Given(0)
        return self._quantities[kinds[0]](self, path, node)

    def _given(self, path: Path, node: Node) -> QuantityRule:
        del path
        return Given(node["constant"])

    def _measured(self, path: Path, node: Node) -> QuantityRule:
        base = self.base(path, {key: node[key] for key in ("column", "first_of") if key in node})
        if "unit" not in node:
            self.source.refuse(path, "a column without unit", "the key unit")
        return Measured(
            base,
            node.get("unit", "second"),
            self.decimal_mark,
            self.grouping_mark,
            node.get("rounding", "up"),
            node.get("empty"),
        )

    def _elapsed(self, path: Path, node: Node) -> QuantityRule:
        begin, end = self.moment((*path, "from"), node["from"]), self.moment((*path, "to"), node["to"])
        return Elapsed(begin, end, node.get("rounding", "up"))

    def _by_type(self, path: Path, node: Node) -> QuantityRule:
        rules = {}
        for word, rule in node["by_type"].items():
            if "by_type" in rule:
                self.source.refuse((*path, "by_type", word), "by_type", "a quantity without types of its own")
            else:
                rules[USAGE_WORDS[word]] = self.quantity((*path, "by_type", word), rule)
        return ByType(rules)

    _quantities: ClassVar[Mapping[str, Callable[[Rules, Path, Node], QuantityRule]]] = {
        "column": _measured,
        "first_of": _measured,
        "constant": _given,
        "from": _elapsed,
        "by_type": _by_type,
    }


def _dialling(node: Node) -> Dialling:
    return Dialling(
        country_code=node["country_code"],
        national_prefix=node.get("national_prefix", "0"),
        international_prefixes=tuple(node.get("international_prefixes", ("00",))),
        short_digits=node.get("short_digits", 6),
        bare=node.get("bare", "international"),
        others=node.get("others", "keep"),
    )


def _among(names: frozenset[str] | Mapping[str, object]) -> str:
    most = 30
    listed = sorted(names)
    shown = ", ".join(listed[:most]) + (", …" if len(listed) > most else "")
    return f": {shown}" if listed else " (there is none)"
