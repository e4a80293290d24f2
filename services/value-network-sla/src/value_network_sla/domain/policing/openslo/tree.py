"""Where in its text does each value of a stream of YAML documents stand?

JSON is YAML and is read the same way. Plain values are what YAML 1.2 takes them for: `no`, `12:30` and `2020-01-21` are
strings. Numbers stay the text that they are written in, so that 99.9 is exactly that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import yaml

from rating import Problem

_TAG: Final = "tag:yaml.org,2002:"
_MOST_CHARACTERS: Final = 1 << 20
_MOST_DOCUMENTS: Final = 1_000
_MOST_LEVELS: Final = 40

# Any: LibYAML's loader where PyYAML was built with it, else the pure one; they share no declared base.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """Tells strings from other plain values as YAML 1.2 does."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own name and shape; filled below


_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(null|Null|NULL|~|)$"), ["n", "N", "~", ""])
_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(
    _TAG + "float", re.compile(r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"), list("-+.0123456789")
)


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "a number"
    FLAG = "true or false"
    NOTHING = "nothing"
    LIST = "a list"
    MAPPING = "a mapping"


_KINDS: Final = {"str": Kind.TEXT, "float": Kind.NUMBER, "bool": Kind.FLAG, "null": Kind.NOTHING}


class DocumentRefused(ValueError):  # noqa: N818 - says what happened
    """A text is refused; `problems` holds everything that is wrong with it, in order of lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and its place."""

    path: str
    """As people write it: `[2].spec.objectives[0].target`."""
    line: int
    column: int
    kind: Kind
    text: str = ""
    """Of a plain value, as written."""
    items: "Sequence[Node]" = ()
    fields: "Mapping[str, Node] | None" = None
    keys: Mapping[str, tuple[int, int]] | None = None
    """Where each key of a mapping stands."""

    def get(self, *names: str) -> "Node | None":
        """The value under these keys, one below the other; None where one is missing or nothing stands under it."""
        found: Node | None = self
        for name in names:
            found = None if found is None or found.fields is None else found.fields.get(name)
        return None if found is None or found.kind is Kind.NOTHING else found


def read_stream(text: str) -> Sequence[Node]:
    """The documents of a text; raises DocumentRefused when it is no sound YAML."""
    if len(text) > _MOST_CHARACTERS:
        raise DocumentRefused([Problem("", 1, 1, "the text", f"at most {_MOST_CHARACTERS:,} characters")])
    try:
        composed = list(_compose(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentRefused([Problem("", *place, "the text", f"sound YAML or JSON ({error.problem})")]) from error
    except yaml.YAMLError as error:
        raise DocumentRefused([Problem("", 1, 1, "the text", f"sound YAML or JSON ({error})")]) from error
    except RecursionError as error:
        raise DocumentRefused([Problem("", 1, 1, "its nesting", f"at most {_MOST_LEVELS} levels")]) from error
    if len(composed) > _MOST_DOCUMENTS:
        raise DocumentRefused([Problem("", 1, 1, f"{len(composed):,} documents", f"at most {_MOST_DOCUMENTS:,}")])
    builder = _Builder()
    nodes = [builder.build(node, f"[{number}]", 0) for number, node in enumerate(composed)]
    if builder.problems:
        raise DocumentRefused(builder.problems)
    return nodes


def _compose(text: str) -> Iterator[yaml.Node]:
    """Documents with something in them. Tabs stand between JSON's values, where YAML has none."""
    source = text.replace("\t", " ") if text.lstrip()[:1] in {"{", "["} else text
    for node in yaml.compose_all(source, _Loader):
        if not (isinstance(node, yaml.ScalarNode) and not node.value):
            yield node


class _Builder:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, path: str, level: int) -> Node:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if level > _MOST_LEVELS or id(node) in self._seen:
            shown, expected = (
                ("its nesting", f"at most {_MOST_LEVELS} levels")
                if level > _MOST_LEVELS
                else ("an alias", "the value itself, for aliases are not followed")
            )
            self.problems.append(Problem(path, line, column, shown, expected))
            return Node(path, line, column, Kind.NOTHING)
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, level)
        if isinstance(node, yaml.SequenceNode):
            items = [self.build(item, f"{path}[{index}]", level + 1) for index, item in enumerate(node.value)]
            return Node(path, line, column, Kind.LIST, items=items)
        kind = _KINDS.get(node.tag.removeprefix(_TAG))
        if kind is None:
            self.problems.append(Problem(path, line, column, f"{node.tag} {node.value}", "a plain value"))
            kind = Kind.NOTHING
        return Node(path, line, column, kind, text=str(node.value))

    def _mapping(self, node: yaml.MappingNode, path: str, level: int) -> Node:
        fields: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        for key_node, value_node in node.value:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(path, *place, "a key of several values", "a plain key"))
                continue
            key = str(key_node.value)
            inside = f"{path}.{key}"
            if key in fields:
                self.problems.append(Problem(inside, *place, key, "each key once"))
            fields[key], keys[key] = self.build(value_node, inside, level + 1), place
        mark = node.start_mark
        return Node(path, mark.line + 1, mark.column + 1, Kind.MAPPING, fields=fields, keys=keys)
