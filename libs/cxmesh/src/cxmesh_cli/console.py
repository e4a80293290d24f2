"""How does the command speak: results on stdout, everything else on stderr, JSON where a script asks?"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from cxmesh_cli.errors import CommandError

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None


def results() -> Console:
    """Where a command's answer goes. Made on use, so that a redirected stdout is respected."""
    return Console(highlight=False, soft_wrap=True)


def notices() -> Console:
    """Where progress, notes and errors go, so that a pipe gets the answer alone."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Json) -> None:
    """One document: indented for a person, on one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_error(error: CommandError) -> None:
    console = notices()
    console.print(Text("error: ", style="bold red").append(error.message, style="not bold default"))
    if error.detail:
        console.print(Text(error.detail.rstrip("\n"), style="dim"))
    if error.hint:
        console.print(Text("try: ", style="bold cyan").append(error.hint, style="not bold default"))
