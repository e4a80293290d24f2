"""cxmesh logs: what the services say."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, examples
from cxmesh_cli.console import results

if TYPE_CHECKING:
    from cxmesh_cli.loglines import LogLine

EXAMPLES = examples(
    "cxmesh logs                                   the last lines of all, by time",
    "cxmesh logs usage-correlation -f              and those to come",
    "cxmesh logs --grep 4bf92f35 --level warning",
    "cxmesh logs --json profile | jq .event",
)
_FOLLOW_SECONDS = 0.2


def logs(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]…", help="Services, or smtp; all when none is given."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    grep: Annotated[str, typer.Option("--grep", metavar="REGEX", help="Only lines that match, case ignored.")] = "",
    level: Annotated[str, typer.Option("--level", help="Only this level and above.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines of each log to begin with.")] = 50,
    raw: Annotated[bool, typer.Option("--json", help="Lines as they were written.")] = False,
) -> None:
    """Print the logs of the services, readable, in the order of time."""
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.loglines import in_order
    from cxmesh_cli.logwatch import Filter, Follower, log_sources

    place = Home.at(home)
    wanted = Filter.of(grep, level)
    followers = [Follower(source, place.log_of(source)) for source in log_sources(place, sources or [])]
    console = results()

    def show(batch: "Iterable[LogLine]") -> None:
        for line in filter(wanted.passes, in_order(batch)):
            if raw:
                typer.echo(line.raw)
            else:
                console.print(line.as_text())

    show(line for follower in followers for line in follower.last(lines))
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        show(line for follower in followers for line in follower.new())
