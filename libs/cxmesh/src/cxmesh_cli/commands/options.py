"""Which options do several commands share, so that they read and behave the same everywhere?"""

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="CXMESH_HOME",
        file_okay=False,
        help="Folder of the instance: data, certificates, logs and mail all lie in it.",
    ),
]
DEFAULT_HOME = Path(".cxmesh")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document for a script.")]

ServicesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE]…", help="Names of services; all when none is given."),
]

AsOption = Annotated[
    str,
    typer.Option("--as", metavar="IDENTITY", help="Act as service/NAME or partner/ID; its certificate must exist."),
]


def examples(*lines: str) -> str:
    """Examples under a command's help; typer keeps lines apart only with an empty one between them."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
