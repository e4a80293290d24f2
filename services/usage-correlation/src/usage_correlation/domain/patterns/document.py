"""Which pattern does a document declare, or what is wrong with it, line by line?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from rating.source import Path, Source
from usage_correlation.domain.patterns import pattern as model
from usage_correlation.domain.patterns.conditions import CelFault, Compiler, Expression
from usage_correlation.domain.patterns.document_shapes import ShapeReader
from usage_correlation.domain.patterns.document_values import duration, period
from usage_correlation.domain.patterns.event_types import EVENT_TYPES, SUBSCRIBER_FIELDS, Kind, fields_of
from usage_correlation.domain.signals import SignalKind

_SHAPES: Final = ("window", "sequence", "absence", "change")
_STATE: Final = ("subscribers", "events", "group_by", "joins", *_SHAPES)
_TESTS: Final = ("at_least", "above", "at_most", "below", "least_count", "sigmas", "ratio", "least")
_DEFAULT_LATENESS: Final = "1h"
_BOOL, _TEXT, _NUMBER = ("BOOL",), ("STRING",), ("DOUBLE", "INT")


def schema_text() -> str:
    """The JSON Schema that documents are validated against."""
    return (files(__package__) / "pattern.schema.json").read_text(encoding="utf-8")


class PatternReader:
    """Reads documents; what it compiles with is made once."""

    def __init__(self) -> None:
        self._compiler = Compiler()

    def read(self, text: str) -> model.Pattern:
        """The pattern that a document declares; raises rating.DocumentError with everything that is wrong with it."""
        source = Source(text)
        source.validate(schema_text())
        source.finish()
        pattern = _Reading(source, text, self._compiler).pattern()
        source.finish()
        if pattern is None:
            raise AssertionError("a document that is neither sound nor refused")
        return pattern


class _Reading:
    """One document whose shape is sound."""

    def __init__(self, source: Source, text: str, compiler: Compiler) -> None:
        self._source = source
        self._lines = text.splitlines()
        self._compiler = compiler
        self._document: dict[str, Any] = source.value  # Any: JSON values
        self._types = {name: EVENT_TYPES[each["type"]] for name, each in self._document["events"].items()}

    def pattern(self) -> model.Pattern | None:
        """The pattern; None when something was refused."""
        document, source = self._document, self._source
        classes = tuple(
            model.EventClass(name, self._types[name], self._where(name, each.get("where")))
            for name, each in document["events"].items()
        )
        facts = {name: field.kind for name, field in SUBSCRIBER_FIELDS.items()}
        subscribers = self._optional(("subscribers",), document.get("subscribers"), facts, _BOOL)
        shapes = ShapeReader(source, document, self._types, self.compile)
        what = shapes.what()
        self._check_groups(shapes.main_events())
        joins = shapes.joins(what)
        raises = self._raises(what, joins)
        shapes.check_used(joins)
        if what is None or raises is None or not source.is_sound():
            return None
        settled = self._settled(what, joins)
        return model.Pattern(
            name=document["name"],
            subscribers=subscribers,
            classes=classes,
            group_by=tuple(document.get("group_by", ())),
            joins=joins,
            what=what,
            raises=raises,
            once_per=self._once_per(what),
            lateness=duration(document.get("lateness", _DEFAULT_LATENESS)),
            settled=settled,
            state_digest=_state_digest(document),
        )

    def compile(self, path: Path, text: str, kinds: Mapping[str, Kind], types: Sequence[str]) -> Expression | None:
        """An expression of the document; None after refusing it at its place."""
        try:
            return self._compiler.compile(text, kinds, types)
        except CelFault as fault:
            line = text.splitlines()[fault.line - 1] if text.splitlines() else text
            self._source.refuse_at(path, self._place(path, text, fault), line.strip()[:60], fault.expected)
            return None

    def _optional(
        self, path: Path, text: str | None, kinds: Mapping[str, Kind], types: Sequence[str]
    ) -> Expression | None:
        return None if text is None else self.compile(path, text, kinds, types)

    def _place(self, path: Path, text: str, fault: CelFault) -> tuple[int, int]:
        """Where in the document a place in an expression is: its line is looked for from where the value starts."""
        line, column = self._source.place(path)
        wanted = text.splitlines()[fault.line - 1].strip() if text.splitlines() else ""
        for number in range(line, min(len(self._lines), line + len(self._lines)) + 1):
            start = column - 1 if number == line else 0
            at = self._lines[number - 1].find(wanted, start) if wanted else -1
            if at >= 0:
                indent = len(text.splitlines()[fault.line - 1]) - len(text.splitlines()[fault.line - 1].lstrip())
                return number, at + fault.column - indent
        return line, column

    def _where(self, name: str, text: str | None) -> Expression | None:
        kinds = {field: each.kind for field, each in fields_of(self._types[name]).items()}
        return self._optional(("events", name, "where"), text, kinds, _BOOL)

    def _check_groups(self, main: Sequence[str]) -> None:
        """Each field of the group is a text that is not personal; the events that are measured have it."""
        for number, name in enumerate(self._document.get("group_by", ())):
            path = ("group_by", number)
            fields = [fields_of(each)[name] for each in self._types.values() if name in fields_of(each)]
            if not fields or any(field.kind is not Kind.STRING for field in fields):
                self._source.refuse(path, name, "a text field of one of the events")
            elif any(field.personal for field in fields):
                self._source.refuse(path, name, "a field that is not personal")
            elif missing := [each for each in main if name not in fields_of(self._types[each])]:
                self._source.refuse(path, name, f"a field that {', '.join(missing)} has")

    def _raises(self, what: model.What | None, joins: tuple[model.Join, ...]) -> model.Raises | None:
        raised = self._document["raises"]
        if what is None:
            return None
        facts = {name: field.kind for name, field in SUBSCRIBER_FIELDS.items()}
        groups = dict.fromkeys(self._document.get("group_by", ()), Kind.STRING)
        names = list(self._types)
        others = {f"{names[join.other]}.id": Kind.STRING for join in joins if not join.absent}
        labels = self._reported("labels", {**facts, **groups, **others}, _TEXT)
        measures = self._reported("measures", dict.fromkeys(measured_names(what, names), Kind.DOUBLE), _NUMBER)
        return model.Raises(SignalKind(raised["kind"]), labels, measures, raised.get("severity", ""))

    def _reported(
        self, part: str, kinds: Mapping[str, Kind], types: Sequence[str]
    ) -> tuple[tuple[str, Expression], ...]:
        texts = self._document["raises"].get(part, {})
        found = [(name, self.compile(("raises", part, name), text, kinds, types)) for name, text in texts.items()]
        return tuple((name, each) for name, each in found if each is not None)

    def _settled(self, what: model.What, joins: tuple[model.Join, ...]) -> bool:
        possible = grows(what) and not any(join.absent for join in joins)
        wanted = self._document.get("raise")
        if wanted == "at_once" and not possible:
            expected = "settled: a later event could undo what was raised at once"
            self._source.refuse(("raise",), wanted, expected)
        return not possible if wanted is None else wanted == "settled"

    def _once_per(self, what: model.What) -> model.Period | None:
        text = self._document.get("once_per")
        if text is None:
            by_day = isinstance(what, model.Sequence) or (isinstance(what, model.Window) and what.sliding > 0)
            return model.Period("day", 0) if by_day else None
        found = period(text)
        if found is None:
            self._source.refuse(("once_per",), text, "a duration that divides a day")
        return found


def grows(what: model.What) -> bool:
    """Whether more events can never undo a match."""
    match what:
        case model.Window(measure=model.Measure(function=function), test=test):
            if function is model.Function.MIN:
                return not test.upward
            return test.upward and function is not model.Function.AVG
        case model.Change(measure=model.Measure(function=function), upward=upward):
            return upward and function in (model.Function.COUNT, model.Function.SUM, model.Function.MAX)
        case model.Sequence():
            return not any(step.absent for step in what.steps)
    return False


def measured_names(what: model.What, names: Sequence[str]) -> tuple[str, ...]:
    """What a kind of pattern measures, by the names that expressions use."""
    match what:
        case model.Window():
            return ("value", "count")
        case model.Sequence():
            return ("count", *(f"count_{names[step.event]}" for step in what.steps if not step.absent))
        case model.Absence():
            return ("silent_days", "normal_days")
    return ("value", "mean", "sigma", "periods")


def _state_digest(document: Mapping[str, Any]) -> str:
    """Any: JSON values."""
    kept = {
        key: _without_tests(document[key]) if key in _SHAPES else document[key] for key in _STATE if key in document
    }
    return hashlib.blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=12).hexdigest()


def _without_tests(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Any: JSON values."""
    kept = {key: value for key, value in shape.items() if key not in _TESTS}
    for side in ("above", "below"):
        kept.pop(side, None)
    return kept
