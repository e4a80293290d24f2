"""What does a document want to come together: a window, a sequence, an absence or a change?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from rating.source import Path, Source
from usage_correlation.domain.patterns import pattern as model
from usage_correlation.domain.patterns.conditions import Expression
from usage_correlation.domain.patterns.document_values import duration, period
from usage_correlation.domain.patterns.event_types import EventType, Kind, fields_of

_SHAPES: Final = ("window", "sequence", "absence", "change")
_LONGEST: Final = 31 * model.DAY
_MOST_STEPS: Final = 2000
_LEAST_PERIODS: Final = 4


class CompileAt(Protocol):
    """Compiles an expression of the document, or refuses it at its place."""

    def __call__(self, path: Path, text: str, kinds: Mapping[str, Kind], types: Sequence[str]) -> Expression | None:
        """None when it was refused."""


class ShapeReader:
    """Reads the part of a document that says what has to come together."""

    def __init__(
        self, source: Source, document: dict[str, Any], types: Mapping[str, EventType], compile_at: CompileAt
    ) -> None:
        """Any: JSON values."""
        self._source = source
        self._document = document
        self._types = types
        self._names = list(types)
        self._compile = compile_at

    def what(self) -> model.What | None:
        """What has to come together; None after refusing it."""
        found = [shape for shape in _SHAPES if shape in self._document]
        if len(found) != 1:
            shown = ", ".join(found) or "none of them"
            self._source.refuse((), shown, f"exactly one of {', '.join(_SHAPES)}")
            return None
        [shape] = found
        readers = {"window": self._window, "sequence": self._sequence, "absence": self._absence, "change": self._change}
        return readers[shape](self._document[shape])

    def main_events(self) -> list[str]:
        """The names of the events that must have the group's fields."""
        for shape in ("window", "absence", "change"):
            if shape in self._document:
                return [name for name in (self._document[shape]["event"],) if name in self._types]
        steps = self._document.get("sequence", {}).get("steps", [])
        first = [step["event"] for step in steps[:1] if "event" in step]
        return [name for name in first if name in self._types]

    def joins(self, what: model.What | None) -> tuple[model.Join, ...]:
        """The joins."""
        texts = self._document.get("joins", ())
        by_period = isinstance(what, model.Absence | model.Change) or (
            isinstance(what, model.Window) and what.every is not None
        )
        if texts and by_period:
            self._source.refuse(
                ("joins",), "joins", "joins with sliding windows (without every) and sequences alone", at_key=True
            )
        found = [self._join(("joins", number), each) for number, each in enumerate(texts)]
        return tuple(each for each in found if each is not None)

    def check_used(self, joins: tuple[model.Join, ...]) -> None:
        """Refuse events that nothing uses: a mistake more often than not."""
        used = {join.other for join in joins}
        for shape in ("window", "absence", "change"):
            used |= {self._names.index(each) for each in self.main_events()} if shape in self._document else set()
        for step in self._document.get("sequence", {}).get("steps", ()):
            used |= {self._names.index(step[key]) for key in ("event", "absent") if step.get(key) in self._names}
        for number, name in enumerate(self._names):
            if number not in used:
                self._source.refuse(("events", name), name, "an event that is used below", at_key=True)

    def _event(self, path: Path, name: str, *, of_place: bool = False) -> int | None:
        if name not in self._types:
            self._source.refuse(path, name, f"one of the events: {', '.join(self._names)}")
            return None
        if self._types[name].of_place and not of_place:
            self._source.refuse(path, name, "an event of a subscriber; those of places stand in joins")
            return None
        return self._names.index(name)

    def _measure(self, path: Path, event: str, value: Any) -> model.Measure | None:
        """Any: a JSON value."""
        if value == "count":
            return model.Measure(model.Function.COUNT, None)
        if not isinstance(value, dict) or len(value) != 1 or event not in self._types:
            self._source.refuse(path, value, "count, or one of sum, avg, min, max, distinct with an expression")
            return None
        [(name, text)] = value.items()
        kinds = {field: each.kind for field, each in fields_of(self._types[event]).items()}
        types = ("STRING", "INT", "DOUBLE") if name == "distinct" else ("INT", "DOUBLE")
        expression = self._compile((*path, name), text, kinds, types)
        return None if expression is None else model.Measure(model.Function(name), expression)

    def _length(self, path: Path, text: str, *, most: int = _LONGEST) -> int:
        micros = duration(text)
        if not 0 < micros <= most:
            self._source.refuse(path, text, f"more than nothing and at most {most // model.DAY} days")
        return micros

    def _window(self, read: dict[str, Any]) -> model.Window | None:
        """Any: JSON values."""
        event = self._event(("window", "event"), read["event"])
        measure = self._measure(("window", "measure"), read["event"], read["measure"])
        tests = [test for test in model.Test if test in read]
        if len(tests) != 1:
            self._source.refuse(
                ("window",), ", ".join(tests) or "no threshold", "one of at_least, above, at_most, below"
            )
        sliding, every = self._stretch(read)
        if every is not None and measure is not None and measure.function is model.Function.DISTINCT:
            self._source.refuse(("window", "measure"), "distinct", "another measure, or a sliding window without every")
        if event is None or measure is None or len(tests) != 1:
            return None
        return model.Window(event, measure, tests[0], float(read[tests[0]]), read.get("least_count", 1), sliding, every)

    def _stretch(self, read: dict[str, Any]) -> tuple[int, model.Period | None]:
        """Any: JSON values."""
        if ("sliding" in read) == ("tumbling" in read):
            self._source.refuse(("window",), "both or none", "either sliding or tumbling")
            return 0, None
        if "tumbling" in read:
            if "every" in read:
                self._source.refuse(("window", "every"), read["every"], "every with sliding alone")
            found = period(read["tumbling"])
            if found is None:
                self._source.refuse(("window", "tumbling"), read["tumbling"], "a duration that divides a day")
            return 0, found
        sliding = self._length(("window", "sliding"), read["sliding"])
        if "every" not in read:
            return sliding, None
        step = period(read["every"])
        if step is None or sliding % step.micros or sliding // step.micros > _MOST_STEPS:
            expected = f"a duration that divides a day and the window, into at most {_MOST_STEPS} steps"
            self._source.refuse(("window", "every"), read["every"], expected)
        return sliding, step

    def _sequence(self, read: dict[str, Any]) -> model.Sequence | None:
        """Any: JSON values."""
        within = self._length(("sequence", "within"), read["within"])
        found = [self._step(number, each, len(read["steps"])) for number, each in enumerate(read["steps"])]
        steps = [step for step in found if step is not None]
        if len(steps) != len(found):
            return None
        if steps[0].absent:
            self._source.refuse(("sequence", "steps", 0), "absent", "an event as the first step")
        for number in range(1, len(steps)):
            if steps[number].absent and steps[number - 1].absent:
                self._source.refuse(("sequence", "steps", number), "absent", "an event between two absences")
        return model.Sequence(within, tuple(steps))

    def _step(self, number: int, read: dict[str, Any], size: int) -> model.Step | None:
        """Any: JSON values."""
        path: Path = ("sequence", "steps", number)
        if ("event" in read) == ("absent" in read):
            self._source.refuse(path, "both or none", "either event or absent")
            return None
        if "absent" in read:
            event = self._event((*path, "absent"), read["absent"])
            last = number == size - 1
            if last != ("for" in read) or not read.keys() <= {"absent", "for"}:
                self._source.refuse(path, "absent", "for at the last step and at no other, and nothing else beside it")
            for_ = self._length((*path, "for"), read["for"]) if "for" in read else 0
            return None if event is None else model.Step(event, absent=True, count=1, within=0, after=for_)
        if "for" in read:
            self._source.refuse((*path, "for"), read["for"], "for with absent alone")
        event = self._event((*path, "event"), read["event"])
        within = self._length((*path, "within"), read["within"]) if "within" in read else 0
        after = self._length((*path, "after"), read["after"]) if "after" in read else 0
        return None if event is None else model.Step(event, False, read.get("count", 1), within, after)

    def _absence(self, read: dict[str, Any]) -> model.Absence | None:
        """Any: JSON values."""
        event = self._event(("absence", "event"), read["event"])
        silent = self._length(("absence", "for"), read["for"], most=366 * model.DAY)
        if silent < model.DAY:
            self._source.refuse(("absence", "for"), read["for"], "a day at least; shorter silences are sequences")
        normal = read["normal"]
        if normal["at_least"] > normal["days"]:
            self._source.refuse(("absence", "normal", "at_least"), normal["at_least"], "at most as many as days")
        if event is None:
            return None
        return model.Absence(event, silent, normal["days"], normal["at_least"], normal.get("least_events", 1))

    def _change(self, read: dict[str, Any]) -> model.Change | None:
        """Any: JSON values."""
        event = self._event(("change", "event"), read["event"])
        measure = self._measure(("change", "measure"), read["event"], read["measure"])
        if measure is not None and measure.function is model.Function.DISTINCT:
            self._source.refuse(("change", "measure"), "distinct", "count, sum, avg, min or max")
        baseline = read["baseline"]
        if baseline.get("same_weekday") and read["every"] != "day":
            self._source.refuse(("change", "baseline", "same_weekday"), True, "same_weekday with every: day alone")
        if baseline.get("at_least", 2) > baseline["periods"]:
            self._source.refuse(("change", "baseline", "at_least"), baseline["at_least"], "at most as many as periods")
        sides = [side for side in ("above", "below") if side in read]
        every = period(read["every"])
        if len(sides) != 1 or not read[sides[0]].keys() & {"sigmas", "ratio"}:
            self._source.refuse(("change",), ", ".join(sides) or "neither", "above or below, with sigmas or ratio")
            return None
        if event is None or measure is None or every is None:
            return None
        side = read[sides[0]]
        return model.Change(
            event=event,
            every=every,
            measure=measure,
            periods=baseline["periods"],
            same_weekday=baseline.get("same_weekday", False),
            least_periods=baseline.get("at_least", min(_LEAST_PERIODS, baseline["periods"])),
            upward=sides[0] == "above",
            sigmas=side.get("sigmas"),
            ratio=side.get("ratio"),
            least=float(side.get("least", 0)),
        )

    def _join(self, path: Path, read: dict[str, Any]) -> model.Join | None:
        """Any: JSON values."""
        event = self._event((*path, "event"), read["event"])
        other = self._event((*path, "with"), read["with"], of_place=True)
        if event is None or other is None:
            return None
        on, kind = read.get("on", ""), self._types[read["event"]]
        wanted = {"cell": ("cell",), "area": ("area",), "place": ("cell", "area")}.get(on, ())
        if wanted and not any(name in kind.fields for name in wanted):
            self._source.refuse((*path, "on"), on, f"a place that {read['event']} has")
        if self._types[read["with"]].of_place and not on:
            self._source.refuse(path, "no on", "on: cell, area or place, for what concerns places")
        before = duration(read.get("before", "0s"))
        after = duration(read.get("after", "0s"))
        if max(before, after) > _LONGEST:
            self._source.refuse(path, "before or after", "at most 31 days")
        return model.Join(event, other, on, before, after, read.get("absent", False))
