"""Where in its text does each value of a document stand, and which of them break the schema?

Documents are read by YAML's composer, which keeps lines, but with JSON's idea of plain values: `no`, `07:00` and
`2026-01-01` stay strings. JSON documents are read the same way, being YAML.
"""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema
import yaml

from rating.errors import DocumentError, Problem

Path = tuple[str | int, ...]
_MAX_SHOWN = 60
_TAG = "tag:yaml.org,2002:"


def schema_text() -> str:
    """The JSON Schema that tariff documents are validated against."""
    return (files("rating") / "schema" / "tariff.schema.json").read_text(encoding="utf-8")


# Any: LibYAML's loader where PyYAML was built with it, else the pure one; they share no declared base.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _JsonLikeLoader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """Resolves plain scalars as JSON would."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name and shape; filled below


_JsonLikeLoader.add_implicit_resolver(_TAG + "null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_JsonLikeLoader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(true|false)$"), ["t", "f"])
_JsonLikeLoader.add_implicit_resolver(_TAG + "int", re.compile(r"^-?(0|[1-9][0-9]*)$"), list("-0123456789"))
_JsonLikeLoader.add_implicit_resolver(
    _TAG + "float", re.compile(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"), list("-0123456789")
)


_PLAIN: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": "true".__eq__,
    "null": lambda _: None,
}


class Source:
    """A document's values and the place of each, with the problems found so far."""

    def __init__(self, text: str) -> None:
        self._places: dict[Path, tuple[int, int]] = {(): (1, 1)}
        self._keys: dict[Path, tuple[int, int]] = {}
        self._seen: set[int] = set()
        self._problems: list[tuple[Path, Problem]] = []
        self._invalid: set[Path] = set()
        self.value: Any = self._read(text)  # Any: whatever the document holds, until the schema has passed

    def _read(self, text: str) -> Any:
        try:
            # JSON allows tabs between values where YAML doesn't, and neither allows them raw inside JSON strings.
            node = yaml.compose(text.replace("\t", " ") if text.lstrip()[:1] == "{" else text, _JsonLikeLoader)
            return None if node is None else self._build(node, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what = f"sound YAML or JSON ({error.problem})"
            raise DocumentError((Problem("", *place, "the text", what),)) from error
        except yaml.YAMLError as error:
            raise DocumentError((Problem("", 1, 1, "the text", f"sound YAML or JSON ({error})"),)) from error
        except RecursionError as error:
            raise DocumentError((Problem("", 1, 1, "its nesting", "a few levels of nesting"),)) from error

    def _build(self, node: yaml.Node, path: Path) -> Any:
        """The node's value; Any: a tree of JSON values."""
        self._places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in self._seen:
            self.refuse(path, "an alias", "the value itself, for aliases are not followed")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self._keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in values:
                self.refuse((*path, key), key, "each key once", at_key=True)
            values[key] = self._build(value_node, (*path, key))
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text, tag = str(node.value), node.tag.removeprefix(_TAG)
        if tag == "str":
            return text
        if tag in _PLAIN:
            try:
                return _PLAIN[tag](text)
            except ValueError:
                pass  # an explicit tag on a text that is no such value: refused just below, like unknown tags
        self.refuse(path, f"{node.tag} {text}", "a plain string, number, true or false")
        return None

    def refuse(self, path: Path, value: object, expected: str, *, at_key: bool = False) -> None:
        """Note a problem at the place of a path (or of its key)."""
        place = self._keys.get(path) if at_key else None
        line, column = place or self._places.get(path) or self._places[path[:-1]]
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        shown = shown if len(shown) <= _MAX_SHOWN else shown[: _MAX_SHOWN - 3] + "..."
        self._problems.append((path, Problem(render(path), line, column, shown or '""', expected)))

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column at which a path's value starts, from 1."""
        return self._places[path]

    def refuse_at(self, path: Path, place: tuple[int, int], value: str, expected: str) -> None:
        """Note a problem at a place within a path's value."""
        self._problems.append((path, Problem(render(path), *place, value, expected)))

    def is_sound(self, *path: str | int) -> bool:
        """Whether no problem was found at a path or beneath it."""
        return not any(found[: len(path)] == path for found, _ in self._problems)

    def is_valid(self, *path: str | int) -> bool:
        """Whether what stands at a path has the shape that the schema wants, whatever else is wrong with it."""
        return not any(
            found[: len(path)] == path or path[: len(found)] == found for found in self._invalid if found != ()
        )

    def line(self, path: Path) -> int:
        """The line on which a path's value starts."""
        return self._places[path][0]

    def validate(self, schema: str | None = None) -> None:
        """Note everything that breaks the schema: that of tariffs, unless another is given."""
        validator = jsonschema.Draft202012Validator(json.loads(schema or schema_text()))
        for error in validator.iter_errors(self.value):
            self._note(error)
        self._invalid = {path for path, _ in self._problems}

    def _note(self, error: jsonschema.ValidationError) -> None:
        path: Path = tuple(error.absolute_path)
        schema = error.schema if isinstance(error.schema, dict) else {}
        if error.validator == "additionalProperties":
            for key in [key for key in self._at(path) if key not in schema["properties"]]:
                self.refuse((*path, key), key, f"one of the keys {', '.join(schema['properties'])}", at_key=True)
        elif error.validator == "required":
            # There is one error a missing key, which only the message names.
            key = next(key for key in schema["required"] if error.message.startswith(repr(key)))
            self.refuse(path, f"a mapping without {key}", f"the key {key}")
        else:
            self.refuse(path, error.instance, str(schema.get("description", error.message)))

    def _at(self, path: Path) -> Any:
        """The value at a path; Any: a tree of JSON values."""
        value = self.value
        for part in path:
            value = value[part]
        return value

    def finish(self) -> None:
        """Raise everything that was noted, in order of lines."""
        if self._problems:
            problems = sorted({problem for _, problem in self._problems}, key=lambda p: (p.line, p.column, p.path))
            raise DocumentError(tuple(problems))


def render(path: Path) -> str:
    """A path as people write it: versions[0].rates[2].price."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
