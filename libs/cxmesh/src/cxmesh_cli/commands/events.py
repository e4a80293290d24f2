"""cxmesh events: what services could not handle, and what shall become of it."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, examples
from cxmesh_cli.console import print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.streams import Act, Parked

EXAMPLES = examples(
    "cxmesh events parked                            what was put aside, and why",
    "cxmesh events parked --json | jq '.[].message'  with the events themselves",
    "cxmesh events replay --all --group notification",
    "cxmesh events drop usage:0/notification/1790000000000-0",
)

GroupOption = Annotated[str, typer.Option("--group", metavar="SERVICE", help="Only what this service reads.")]
TopicOption = Annotated[str, typer.Option("--topic", help="Only events of this topic.")]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]…", help="Events as `cxmesh events parked` names them.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All that are parked (of the group or topic, if given).")]


def build() -> typer.Typer:
    app = typer.Typer(
        name="events",
        help="Look at events that a service could not handle; let it try again, or forget them.",
        epilog=EXAMPLES,
        no_args_is_help=True,
    )
    app.command("parked", epilog=EXAMPLES)(parked)
    app.command("replay", epilog=EXAMPLES)(replay)
    app.command("drop", epilog=EXAMPLES)(drop)
    return app


def parked(
    home: HomeOption = DEFAULT_HOME, group: GroupOption = "", topic: TopicOption = "", as_json: JsonOption = False
) -> None:
    """List parked events: an event that keeps failing is put aside so that it does not hold up the others."""
    from cxmesh_cli.streams import read_parked

    found = asyncio.run(read_parked(_redis_url(home), topic, group))
    if as_json:
        print_json([each.as_json() for each in found])
        return
    if not found:
        results().print("nothing is parked")
        return
    columns = ("name", "type", "parked", "attempts", "reason")
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for each in found:
        event = each.event
        kind, moment = event.type.rpartition(".")[2], f"{event.parked_time.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(each.name, kind, moment, str(event.attempts), Text(event.reason))
    results().print(table, soft_wrap=False)


def replay(
    names: NamesArgument = None,
    home: HomeOption = DEFAULT_HOME,
    everything: AllOption = False,
    group: GroupOption = "",
    topic: TopicOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let the service that parked events, and no other, try them again."""
    from cxmesh_cli.streams import REPLAY

    _settle(home, REPLAY, names, topic, group, everything=everything, as_json=as_json, done="replayed")


def drop(
    names: NamesArgument = None,
    home: HomeOption = DEFAULT_HOME,
    everything: AllOption = False,
    group: GroupOption = "",
    topic: TopicOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget parked events for good."""
    from cxmesh_cli.errors import BadInputError
    from cxmesh_cli.streams import DROP

    if not yes:
        if not sys.stdin.isatty():
            raise BadInputError("dropping cannot be undone, and there is nobody to ask", hint="add --yes")
        typer.confirm("Drop these events for good?", abort=True)
    _settle(home, DROP, names, topic, group, everything=everything, as_json=as_json, done="dropped")


def _settle(
    home: Path,
    act: "Act",
    names: list[str] | None,
    topic: str,
    group: str,
    *,
    everything: bool,
    as_json: bool,
    done: str,
) -> None:
    from cxmesh_cli.errors import BadInputError
    from cxmesh_cli.streams import settle_parked

    if everything == bool(names):
        raise BadInputError("say which events: by name, or --all", hint="cxmesh events parked lists them")
    settled: list[Parked] = asyncio.run(settle_parked(_redis_url(home), act, names or (), topic, group))
    if as_json:
        print_json({done: [each.name for each in settled]})
        return
    results().print(f"{len(settled)} {done}")


def _redis_url(home: Path) -> str:
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.record import require_record
    from cxmesh_cli.instance.stores import running_redis_url

    place = Home.at(home)
    require_record(place)
    return running_redis_url(place)
