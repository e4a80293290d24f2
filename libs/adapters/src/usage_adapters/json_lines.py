"""How are lines that are JSON objects taken apart, by paths?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from usage_adapters.errors import FileRefusedError
from usage_adapters.layout import Split, decoded, decoded_singly
from usage_adapters.reading import Reason


class NotJsonError(ValueError):
    """A text is no JSON, or not what is needed; the message says what was expected."""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(f"JSON: {name} is none")


def json_object(text: str) -> dict[str, Any]:
    """The object that a text is, its numbers as they are written. Raises NotJsonError. Any: a tree of JSON values."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except NotJsonError:
        raise
    except RecursionError as error:
        raise NotJsonError("a few levels of nesting") from error
    except ValueError as error:
        raise NotJsonError(f"JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotJsonError("a JSON object")
    if "\\u" in text:
        _refuse_half_characters(text, value)
    return value


def _refuse_half_characters(text: str, value: dict[str, Any]) -> None:
    """Escapes may spell half of a surrogate pair, which is no text."""
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise NotJsonError("whole characters: an escape spells half of one") from error


def cell_at(path: Sequence[str]) -> Callable[[dict[str, Any]], str]:
    """What stands at a path, as text; empty when nothing does, or null. Raises NotJsonError for an object or a list."""

    def cell(value: Any) -> str:  # Any: a tree of JSON values
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return ""
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        raise NotJsonError(f"a single value at {'.'.join(path)}")

    return cell


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A row is a line that holds a JSON object; a column is a path in it, such as `usage.seconds` or `legs.0.id`."""

    encoding: str = "utf-8"
    names: tuple[str, ...] = ()
    reads_names: bool = False

    def names_of(self, line: bytes) -> Sequence[str]:
        raise FileRefusedError(f"JSON Lines name no columns: {line[:40]!r}")

    def group(self, lines: Sequence[bytes], *, final: bool) -> list[int] | None:
        del lines, final
        return None

    def split(
        self, lines: Sequence[bytes], places: Sequence[int], names: Sequence[str], needed: Sequence[str]
    ) -> Split:
        del names
        split = Split()
        texts, raws = decoded(lines, self.encoding), lines
        if texts is None:
            texts, raws, places = decoded_singly(lines, places, self.encoding, split)
        getters = [cell_at(name.split(".")) for name in needed]
        for text, raw, place in zip(texts, raws, places, strict=True):
            if not text or text.isspace():
                continue
            try:
                value = json_object(text)
                row = [getter(value) for getter in getters]
            except NotJsonError as error:
                split.refuse(place, Reason.MALFORMED, f"expected {error}", raw)
            else:
                split.rows.append(row)
                split.raws.append(raw)
                split.places.append(place)
        return split

    def cells(self, line: bytes, names: Sequence[str]) -> dict[str, str]:
        value = json_object(line.decode(self.encoding))
        return {name: cell_at(name.split("."))(value) for name in names}
