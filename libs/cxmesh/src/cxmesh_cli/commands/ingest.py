"""cxmesh ingest: a file of usage into the mesh."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import notices, print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.ingest.run import Ingest, Summary
    from cxmesh_cli.ingest.sender import Sender

EXAMPLES = examples(
    "cxmesh ingest calls.csv",
    "cxmesh ingest calls.csv --as partner/roamer --in-flight 8",
    "cxmesh ingest calls.csv --json | jq .accepted",
)


def ingest(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file.")],
    kind: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="usage-csv: columns as in UsageRecord, with a header.")
    ] = "usage-csv",
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, max=64, help="Batches of 1,000 under way at a time.")
    ] = 4,
    patience: Annotated[
        float, typer.Option("--patience", min=0.0, metavar="SECONDS", help="How long to retry a batch.")
    ] = 60.0,
    again: Annotated[
        bool, typer.Option("--again", help="Begin at the first row even if the file was taken in before.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send a file to usage-correlation in batches of 1,000 records, with a progress bar.

    A run that was interrupted goes on where it ended. Records that are refused are listed, with line, field and
    reason, in a report; the exit code is 7 then. Nothing is counted twice, however often a file is sent.
    """
    from cxmesh_cli.errors import RecordsRejectedError
    from cxmesh_cli.ingest.run import Ingest
    from cxmesh_cli.ingest.sender import Sender
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service

    place = Home.at(home)
    with channel_to(place, find_service("usage-correlation"), identity) as channel:
        job = Ingest(file, kind, place.ingest, again=again)
        summary = _run(job, Sender(channel, in_flight=in_flight, patience_seconds=patience))
    if as_json:
        print_json(summary.as_json())
    else:
        _tell(summary)
    if summary.position.rejected:
        raise RecordsRejectedError(
            f"{summary.position.rejected:,} of {summary.position.rows:,} rows were refused",
            hint=f"cat {summary.report}, which gives line, field and reason of each",
        )


def _run(job: "Ingest", sender: "Sender") -> "Summary":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if job.start.finished:
        notices().print("[dim]this file was taken in before; --again sends it once more[/]")
    elif job.start.rows:
        notices().print(f"[dim]going on after row {job.start.rows:,}, where the last run ended[/]")
    console = notices()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        # The header is a line but no row; a last line without a newline is a row but not counted.
        task = progress.add_task("ingest", total=job.facts.lines, completed=job.start.rows, rate="")

        def show(rows: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, completed=rows, rate=f"{speed:,.0f} records/s" if speed else "")

        return job.run(sender, lambda position: show(position.rows))


def _tell(summary: "Summary") -> None:
    position = summary.position
    parts = [f"{position.accepted:,} accepted", f"{position.duplicates:,} known already"]
    if position.rejected:
        parts.append(f"[red]{position.rejected:,} refused[/]")
    rate = f" in {summary.seconds:.1f} s ({summary.rows_per_second:,.0f} rows/s)"
    results().print(f"{escape(str(summary.file))}: {position.rows:,} rows{rate}: {', '.join(parts)}")
