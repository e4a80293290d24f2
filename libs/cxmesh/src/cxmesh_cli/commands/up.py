"""cxmesh up: bring the mesh, or a part of it, up on this machine."""

import time
from typing import Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, ServicesArgument, examples
from cxmesh_cli.console import notices, print_json, results

EXAMPLES = examples(
    "cxmesh up                               all six services, PostgreSQL, Redis and a mailbox",
    "cxmesh up profile usage-correlation     the stores and these two",
    "cxmesh up --free-ports --home ../second  another instance beside this one",
    "cxmesh up --sample 1                    keep every trace",
)


def up(
    services: ServicesArgument = None,
    home: HomeOption = DEFAULT_HOME,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Pick free ports instead of the fixed ones (7400 to 7499).")
    ] = False,
    sample: Annotated[float, typer.Option("--sample", min=0.0, max=1.0, help="Share of traces that are kept.")] = 0.05,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1.0, metavar="SECONDS", help="Limit for a service to get healthy."),
    ] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Start the mesh here and wait until it is healthy. What runs already is left as it is.

    Settings of services are taken from the environment: CXMESH_LOG_LEVEL=DEBUG cxmesh up.
    """
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.report import as_document
    from cxmesh_cli.instance.steps import Steps
    from cxmesh_cli.instance.up import UpOptions, bring_up
    from cxmesh_cli.topology import find_services

    wanted = find_services(services or ())
    place = Home.at(home)
    begun = time.monotonic()
    with Steps(notices()) as steps:
        record = bring_up(place, UpOptions(wanted, free_ports, sample, timeout), steps)
    if as_json:
        print_json(as_document(place, record))
        return
    seconds = time.monotonic() - begun
    results().print(f"[bold]up[/] in {seconds:.1f} s: {escape(str(place.root))}, from port {record.ports.base}")
    results().print("[dim]cxmesh status · cxmesh call profile · cxmesh logs -f · cxmesh mail · cxmesh down[/]")
