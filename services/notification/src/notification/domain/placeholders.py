"""What does a text with placeholders say once they are filled in?

`{name}` stands for a parameter, `{{` and `}}` for braces. Nothing else has a meaning: no formats, no attributes, no
expressions, so that a template can show what it is given and nothing more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from notification.errors import InvalidTemplate, MissingParameter

_PIECES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_BRACES = {"{{": "{", "}}": "}"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where the value of a parameter goes."""

    name: str


Parsed = tuple[str | Placeholder, ...]


def parse(text: str, field: str) -> Parsed:
    """The pieces of `text`; raises InvalidTemplate that names `field` and the place of what can't be read."""
    pieces: list[str | Placeholder] = []
    end = 0
    for match in _PIECES.finditer(text):
        pieces += [text[end : match.start()], _piece(match, text, field)]
        end = match.end()
    return tuple(piece for piece in (*pieces, text[end:]) if piece != "")


def names_in(pieces: Parsed) -> frozenset[str]:
    """The parameters that a text needs."""
    return frozenset(piece.name for piece in pieces if isinstance(piece, Placeholder))


def fill(pieces: Parsed, values: Mapping[str, str], template: str) -> str:
    """The text with its values; raises MissingParameter for the first that `values` does not have."""
    for piece in pieces:
        if isinstance(piece, Placeholder) and piece.name not in values:
            raise MissingParameter(template, piece.name)
    return "".join(values[piece.name] if isinstance(piece, Placeholder) else piece for piece in pieces)


def _piece(match: re.Match[str], text: str, field: str) -> str | Placeholder:
    found = match.group()
    if found in _BRACES:
        return _BRACES[found]
    name = found[1:-1]
    if len(found) > 1 and _NAME.fullmatch(name):
        return Placeholder(name)
    line = text.count("\n", 0, match.start()) + 1
    column = match.start() - text.rfind("\n", 0, match.start())
    if found == "{":
        problem = "a brace that is closed"
    elif found == "}":
        problem = "an opening brace before this one, or }} for the character itself"
    else:
        problem = "a placeholder such as {customer_name}: small letters, digits and _ in braces"
    raise InvalidTemplate(field, f"{problem}; line {line}, column {column}", value=found[:40])
