"""cxmesh partner-certificate: let a partner, or a test that plays one, in."""

from typing import Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, examples
from cxmesh_cli.console import print_json, results

EXAMPLES = examples(
    "cxmesh partner-certificate cdn-one",
    'cxmesh call sla GetPartner \'{"name": "partners/cdn-one"}\' --as partner/cdn-one',
)


def partner_certificate(
    partner: Annotated[str, typer.Argument(metavar="ID", help="The partner's id, as in partners/{id}.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Issue a certificate of the instance's development CA to a partner, or print where it lies."""
    from cxmesh_cli.instance.authority import ensure_certificates
    from cxmesh_cli.instance.home import Home

    place = Home.at(home)
    place.create()
    identity = f"partner/{partner}"
    files = ensure_certificates(place, [identity])[identity]
    paths = {"certificate": files.certificate, "key": files.key, "ca": files.authority}
    if as_json:
        print_json({"identity": identity, **{name: str(path) for name, path in paths.items()}})
        return
    for name, path in paths.items():
        results().print(f"{name:<12} {escape(str(path))}")
