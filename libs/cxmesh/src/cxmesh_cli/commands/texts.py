"""How is a text read that the command line names?"""

import sys
from pathlib import Path

_STDIN = Path("-")


def read_text(file: Path) -> str:
    """The whole file, or standard input for `-`. Raises BadInputError for one that can't be read or is not UTF-8."""
    from cxmesh_cli.errors import BadInputError

    try:
        return sys.stdin.read() if file == _STDIN else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} can't be read: {error}", hint="give a file of UTF-8 text") from error
