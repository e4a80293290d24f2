"""Which mapping does a text declare, together with the built-in one that it extends and the options given beside it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from usage_adapters.mapping.source import Source
from usage_adapters.reading import Options

Document = dict[str, Any]
"""A mapping's values. Any: a tree of JSON values, whose shape the schema has checked."""

EXTENDABLE: Final = ("asterisk-csv", "freeswitch-csv")
_MERGED: Final = ("layout", "fields", "control", "tables")
"""What is merged key by key; everything else, and each key in these, replaces what is extended."""


@cache
def built_in(name: str) -> str:
    """The text of a mapping that is part of this package."""
    return (files("usage_adapters") / "built_in" / f"{name}.yaml").read_text(encoding="utf-8")


def load_document(text: str, options: Options) -> tuple[Document, Source]:
    """The whole document and where its values stand. Raises MappingRefusedError with every problem of its shape."""
    source = Source(text)
    own = source.value if isinstance(source.value, dict) else {}
    base: Document = {}
    extended = own.get("extends")
    if extended in EXTENDABLE:
        base = Source(built_in(str(extended))).value
    elif extended is not None:
        source.refuse(("extends",), extended, f"one of {', '.join(EXTENDABLE)}")
    whole = _with_options(_merged(base, own), options) if own else source.value
    source.validate(whole)
    source.finish()
    return whole, source


def _merged(base: Document, own: Document) -> Document:
    whole = {**base, **own}
    for key in _MERGED:
        if isinstance(base.get(key), dict) and isinstance(own.get(key), dict):
            whole[key] = {**base[key], **own[key]}
    layout = own.get("layout")
    if isinstance(layout, dict) and isinstance(whole.get("layout"), dict):
        # Columns may be given in three ways; the nearer one counts.
        ways = ("columns", "template", "header")
        if any(way in layout for way in ways):
            for way in ways:
                if way not in layout:
                    whole["layout"].pop(way, None)
            if "widths" not in layout:
                whole["layout"].pop("widths", None)
    return whole


def _with_options(whole: Document, options: Options) -> Document:
    """Options are nearer to the file than its mapping, so they count."""
    fields = whole.get("fields")
    if not isinstance(fields, dict):
        return whole
    fields = dict(fields)
    if options.source:
        fields["source"] = {"constant": options.source}
    if options.country_code and isinstance(fields.get("destination"), dict):
        dialling = {**fields["destination"].get("e164", {}), "country_code": options.country_code}
        fields["destination"] = {**fields["destination"], "e164": dialling}
    if options.time_zone:
        for name in ("start_time", "quantity"):
            fields[name] = _with_zone(fields.get(name), options.time_zone)
    return {**whole, "fields": {name: rule for name, rule in fields.items() if rule is not None}}


def _with_zone(rule: Any, zone: str) -> Any:
    """Any: a rule whose shape is not checked yet."""
    if not isinstance(rule, Mapping):
        return rule
    made = {key: _with_zone(value, zone) if key in {"from", "to"} else value for key, value in rule.items()}
    return {**made, "time_zone": zone} if "formats" in made else made


def canonical(document: Document) -> str:
    """A text that is the same for documents that say the same."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False)
