"""Where in its text does each value of a mapping stand, and which of them break the schema?

Documents are read by YAML's composer, which keeps lines, but with JSON's idea of plain values: `no`, `07:00` and `010`
stay strings. JSON documents are YAML and are read the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import jsonschema
import yaml

from usage_adapters.errors import MappingRefusedError, Problem

Path = tuple[str | int, ...]
_TAG: Final = "tag:yaml.org,2002:"
_SHOWN: Final = 60
_MOST_CHARACTERS: Final = 1024 * 1024


def schema_text() -> str:
    """The JSON Schema that mapping files are validated against."""
    return (files("usage_adapters") / "schema" / "usage-mapping.schema.json").read_text(encoding="utf-8")


# Any: LibYAML's loader where PyYAML was built with it, else the pure one; they share no declared base.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """Tells strings from other plain values as JSON would."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name and shape; filled below


_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^-?(0|[1-9][0-9]{0,17})$"), list("-0123456789"))


class Source:
    """A document's values and the place of each, with the problems found so far."""

    def __init__(self, text: str) -> None:
        self._places: dict[Path, tuple[int, int]] = {(): (1, 1)}
        self._keys: dict[Path, tuple[int, int]] = {}
        self._seen: set[int] = set()
        self._problems: dict[tuple[int, int, str, str], Problem] = {}
        self._refused: set[Path] = set()
        if len(text) > _MOST_CHARACTERS:
            raise MappingRefusedError((Problem("", 1, 1, "the text", f"at most {_MOST_CHARACTERS:,} characters"),))
        self.value: Any = self._read(text)  # Any: whatever the document holds, until the schema has passed

    def _read(self, text: str) -> Any:
        try:
            node = yaml.compose(text, _Loader)
            return None if node is None else self._build(node, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = Problem("", *place, "the text", f"sound YAML or JSON ({error.problem})")
            raise MappingRefusedError((problem,)) from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            problem = Problem("", 1, 1, "the text", f"sound YAML or JSON of a few levels ({error})")
            raise MappingRefusedError((problem,)) from error

    def _build(self, node: yaml.Node, path: Path) -> Any:
        """The node's value. Any: a tree of JSON values."""
        self._places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in self._seen:
            self.refuse(path, "an alias", "the value itself, for aliases are not followed")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._build_scalar(node, path)

    def _build_scalar(self, node: yaml.Node, path: Path) -> str | int | bool | None:
        text, tag = str(node.value), node.tag.removeprefix(_TAG)
        if tag == "str":
            return text
        if tag == "int" and re.fullmatch("-?[0-9]{1,18}", text):
            return int(text)
        if tag == "bool":
            return text == "true"
        if tag != "null":
            self.refuse(path, f"{node.tag} {text}", "a plain string, number, true or false")
        return None

    def _build_mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self._keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in values:
                self.refuse((*path, key), key, "each key once", at_key=True)
            values[key] = self._build(value_node, (*path, key))
        return values

    def refuse(self, path: Path, value: object, expected: str, *, at_key: bool = False) -> None:
        """Note a problem at the place of a path (or of its key), or of the nearest path around it that stands here."""
        line, column = (self._keys.get(path) if at_key else None) or self._nearest(path)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        problem = Problem(render(path), line, column, text or '""', expected)
        self._problems.setdefault((line, column, problem.path, expected), problem)
        self._refused.add(path)

    def _nearest(self, path: Path) -> tuple[int, int]:
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def is_sound(self, *path: str | int) -> bool:
        """Whether no problem was found at a path, beneath it or around it."""
        return not any(
            found[: len(path)] == path or (found != () and path[: len(found)] == found) for found in self._refused
        )

    def validate(self, value: object) -> None:
        """Note everything in a value (the document, with what it extends) that breaks the schema."""
        validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
        for error in validator.iter_errors(value):
            self._note(error)

    def _note(self, error: jsonschema.ValidationError) -> None:
        path: Path = tuple(error.absolute_path)
        schema = error.schema if isinstance(error.schema, dict) else {}
        instance: Any = error.instance  # Any: a tree of JSON values
        if error.validator == "additionalProperties":
            known = schema.get("properties", {})
            for key in [key for key in instance if key not in known]:
                self.refuse((*path, key), key, f"one of the keys {', '.join(known)}", at_key=True)
        elif error.validator == "required":
            missing = [key for key in schema["required"] if key not in instance]
            self.refuse(path, f"a mapping without {missing[0]}", f"the key {missing[0]}")
        else:
            self.refuse(path, instance, str(schema.get("description", error.message)))

    def finish(self) -> None:
        """Raise everything that was noted, in order of lines."""
        if self._problems:
            problems = sorted(self._problems.values(), key=lambda one: (one.line, one.column, one.path))
            raise MappingRefusedError(tuple(problems))


def render(path: Sequence[str | int]) -> str:
    """A path as people write it: fields.record_id.join[0].column."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
