"""cxmesh down: stop the mesh, or a part of it."""

from typing import Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, ServicesArgument, examples
from cxmesh_cli.console import notices, print_json, results

EXAMPLES = examples(
    "cxmesh down                       drain and stop everything; data, logs and mail stay",
    "cxmesh down usage-correlation     only this service",
    "cxmesh down --erase               and remove the instance's folder",
)


def down(
    services: ServicesArgument = None,
    home: HomeOption = DEFAULT_HOME,
    grace: Annotated[
        float | None,
        typer.Option("--grace", min=0.0, metavar="SECONDS", help="Time to drain before a service is killed."),
    ] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Also remove data, certificates, logs and mail.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop services with SIGTERM, wait for them to drain, then stop the stores."""
    from cxmesh_cli.errors import BadInputError
    from cxmesh_cli.instance.down import DRAIN_SECONDS, take_down
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.steps import Steps
    from cxmesh_cli.topology import find_services

    if erase and services:
        raise BadInputError("--erase removes the whole instance", hint="leave out the names of services")
    place = Home.at(home)
    wanted = find_services(services) if services else None
    with Steps(notices()) as steps:
        stopped = take_down(place, wanted, DRAIN_SECONDS if grace is None else grace, steps) if place.is_ours else []
    if erase:
        place.erase()
    if as_json:
        print_json({"home": str(place.root), "stopped": [{"name": s.name, "killed": s.killed} for s in stopped]})
        return
    if not stopped:
        results().print(f"nothing was running in {escape(str(place.root))}")
    for each in stopped:
        results().print(f"{each.name} {'did not end in time and was [red]killed[/]' if each.killed else 'stopped'}")
