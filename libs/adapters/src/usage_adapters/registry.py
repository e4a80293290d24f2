"""Which formats are there, and which of them is a file?"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from usage_adapters.errors import FileRefusedError, OptionError
from usage_adapters.reading import Format

HEAD_BYTES: Final = 64 * 1024
"""So much of a file is looked at to tell its format."""
_SURE_ENOUGH: Final = 0.5
_APART: Final = 0.1

MODULES: Final = (
    "usage_adapters.usage_csv",
    "usage_adapters.switch_csv",
    "usage_adapters.cloudevents",
    "usage_adapters.mapped",
    "usage_adapters.quarantine",
    "usage_adapters.tap.adapter",
    "usage_adapters.charging.adapter",
)
"""Modules with a `FORMATS` tuple; imported when asked, for some formats need much."""


def formats() -> dict[str, Format]:
    """Every format by its name."""
    return {form.name: form for module in MODULES for form in import_module(module).FORMATS}


def find(name: str) -> Format:
    known = formats()
    if name not in known:
        raise OptionError("format", f"there is no format '{name}'", expected=f"one of {', '.join(sorted(known))}")
    return known[name]


def detect(head: bytes, among: Sequence[Format] | None = None) -> Format:
    """The format of a file that begins so. Raises FileRefusedError when it is none, or more than one as likely."""
    every = list(formats().values()) if among is None else among
    found = sorted(((form.sniff(head), form.name, form) for form in every), key=lambda one: (-one[0], one[1]))
    best, second = found[0], found[1] if len(found) > 1 else (0.0, "", None)
    names = ", ".join(sorted(form.name for form in every))
    if best[0] < _SURE_ENOUGH:
        raise FileRefusedError("its format is not recognised", expected=f"one of {names}; --format says which")
    if best[0] - second[0] < _APART:
        raise FileRefusedError(
            f"it may be {best[1]} as well as {second[1]}", expected="one format; --format says which"
        )
    return best[2]
