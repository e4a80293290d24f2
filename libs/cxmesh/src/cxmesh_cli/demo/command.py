"""cxmesh demo: the three stories, from an empty folder to one screen of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxmesh_cli.commands.options import JsonOption, examples

EXAMPLES = examples(
    "cxmesh demo                        400 subscribers, about 120,000 call records",
    "cxmesh demo --all                  all 5,000 subscribers, 1.5 million call records",
    "cxmesh demo --keep                 leave the mesh running to look around",
    "cxmesh demo --json > results.json",
)
DEFAULT_SUBSCRIBERS = 400
ALL_SUBSCRIBERS = 5000
DEFAULT_DEMO_HOME = Path(".cxmesh/demo")


def demo(
    subscribers: Annotated[
        int, typer.Option("--subscribers", min=100, max=ALL_SUBSCRIBERS, help="How many subscribers take part.")
    ] = DEFAULT_SUBSCRIBERS,
    everybody: Annotated[bool, typer.Option("--all", help="All 5,000 subscribers.")] = False,
    home: Annotated[
        Path, typer.Option("--home", file_okay=False, help="Folder of the demo's own instance; emptied first.")
    ] = DEFAULT_DEMO_HOME,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the mesh running afterwards.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a mesh of its own, feed it real input, and show what it made of it.

    The input is a public file of 5,000 subscribers with their minutes, calls and charges; see the README.
    """
    from cxmesh_cli.console import notices, print_json, results
    from cxmesh_cli.demo.client import MeshClient
    from cxmesh_cli.demo.run import Teller, tell
    from cxmesh_cli.demo.summary import as_document, render
    from cxmesh_cli.instance.down import DRAIN_SECONDS, take_down
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.steps import Steps
    from cxmesh_cli.instance.up import UpOptions, bring_up

    place = Home.at(home)
    console = notices()
    teller = Teller(console)
    with Steps(console) as steps:
        take_down(place, None, DRAIN_SECONDS, steps)
        place.erase()
        teller.say("==> Starting PostgreSQL, Redis, a mailbox and six services, all on this machine")
        bring_up(place, UpOptions(free_ports=True), steps)
    try:
        with MeshClient(place) as mesh:
            told = tell(mesh, ALL_SUBSCRIBERS if everybody else subscribers, teller)
        if as_json:
            print_json(as_document(told))
        else:
            results().print(render(told, str(home), running=keep), soft_wrap=False)
    finally:
        if not keep:
            with Steps(console) as steps:
                take_down(place, None, DRAIN_SECONDS, steps)
