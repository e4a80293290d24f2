"""cxmesh ingest: files of usage into the mesh."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import print_json
from cxmesh_cli.ingest import IN_FLIGHT

if TYPE_CHECKING:
    from cxmesh_cli.ingest.choosing import Given
    from cxmesh_cli.ingest.run import Summary
    from cxmesh_cli.ingest.sender import Sender
    from cxmesh_cli.ingest.wholesale import WholesaleFile

EXAMPLES = examples(
    "cxmesh ingest calls.csv",
    "cxmesh ingest /var/log/asterisk/cdr-csv/Master.csv --source pbx-1 --time-zone Europe/Vienna",
    "cxmesh ingest mediation-*.dat.gz --mapping mediation.yaml --json",
    "cxmesh ingest CDDEUD1USAW600042 --mapping tap.yaml --subscriptions imsi.csv --wholesale-out charges.jsonl",
    "zcat calls.csv.gz | cxmesh ingest -",
    "cxmesh ingest --replay .cxmesh/ingest/9f86d081884c7d65.usage-csv.quarantine.jsonl",
)


def _print_formats(wanted: bool) -> None:
    if wanted:
        from usage_adapters.registry import formats

        for name, form in sorted(formats().items()):
            typer.echo(f"{name:18} {form.summary}")
        raise typer.Exit


def ingest(  # noqa: PLR0917 - typer makes each an option
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Files, or - for stdin."),
    ],
    kind: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="A format's name; --formats lists them.")
    ] = "auto",
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="YAML", exists=True, dir_okay=False, help="How rows become records."),
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Who reported, where the file doesn't say it.")] = "",
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="IANA zone of times that name none.")
    ] = "",
    country_code: Annotated[
        str,
        typer.Option("--country-code", metavar="DIGITS", help="Completes numbers that were dialled within a country."),
    ] = "",
    subscriptions: Annotated[
        Path | None,
        typer.Option(
            "--subscriptions", metavar="CSV", exists=True, dir_okay=False, help="Columns key and subscription."
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="The files are quarantines of earlier runs, repaired.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, max=64, help="Batches of 1,000 under way at a time.")
    ] = IN_FLIGHT,
    patience: Annotated[
        float, typer.Option("--patience", min=0.0, metavar="SECONDS", help="How long to retry a batch.")
    ] = 60.0,
    again: Annotated[
        bool, typer.Option("--again", help="Begin at the first row even if the file was taken in before.")
    ] = False,
    report: Annotated[
        Literal["csv", "jsonl"], typer.Option("--report", help="How refused records are listed.")
    ] = "csv",
    wholesale_out: Annotated[
        Path | None,
        typer.Option(
            "--wholesale-out",
            metavar="FILE",
            dir_okay=False,
            help="Write what the visited networks of TAP files charge us there, as JSON Lines.",
        ),
    ] = None,
    as_json: JsonOption = False,
    list_formats: Annotated[
        bool,
        typer.Option("--formats", is_eager=True, callback=_print_formats, help="List formats."),
    ] = False,
) -> None:
    """Send files to usage-correlation in batches of 1,000 records, with a progress bar.

    A run that was interrupted goes on where it ended, and a file that grew at its former end. Records that are refused
    are listed in a report and kept in a quarantine; the exit code is 7 then. A file that contradicts its own totals, or
    is in no known format, is refused whole; the exit code is 8. Nothing is counted twice, however often a file is sent.
    """
    del list_formats
    from cxmesh_cli.ingest.choosing import Given, as_files, check_readable
    from cxmesh_cli.ingest.sender import Sender
    from cxmesh_cli.ingest.showing import document
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service

    place = Home.at(home)
    check_readable(files)
    given = Given("quarantine" if replay else kind, mapping, source, time_zone, country_code, subscriptions)
    with channel_to(place, find_service("usage-correlation"), identity) as channel:
        sender = Sender(channel, in_flight=in_flight, patience_seconds=patience)
        with as_files(files, place.ingest) as paths:
            work = _Work(given, sender, place.ingest, again=again, report=report, quiet=as_json)
            with work.with_wholesale(wholesale_out):
                for file, shown_as in zip(paths, files, strict=True):
                    work.take_in(file, str(shown_as))
    if as_json:
        print_json(document(work.done, work.refused))
    work.end()


class _Work:
    """Files taken in one after another; one that is refused doesn't hold up the others."""

    def __init__(
        self,
        given: "Given",
        sender: "Sender",
        folder: Path,
        *,
        again: bool,
        report: Literal["csv", "jsonl"],
        quiet: bool,
    ) -> None:
        self._given = given
        self._options = given.options()
        self._sender = sender
        self._folder = folder
        self._again = again
        self._report = report
        self._quiet = quiet
        self.done: list[Summary] = []
        self.refused: dict[str, str] = {}
        self._wholesale: WholesaleFile | None = None

    @contextmanager
    def with_wholesale(self, path: Path | None) -> Iterator[None]:
        """While files are taken in, their wholesale charges are written to `path`, if there is one."""
        if path is None:
            yield
            return
        from cxmesh_cli.ingest.wholesale import WholesaleFile

        with WholesaleFile(path, self._options) as self._wholesale:
            yield

    def take_in(self, file: Path, shown_as: str) -> None:
        from cxmesh_cli.ingest.run import Ingest
        from cxmesh_cli.ingest.showing import progress_of, tell
        from usage_adapters.errors import FileRefusedError

        try:
            adapter = self._given.adapter_for(file, self._options)
            if self._wholesale is not None:
                self._wholesale.check(adapter, shown_as)
            job = Ingest(
                file,
                adapter,
                self._folder,
                options=self._options,
                shown_as=shown_as,
                again=self._again,
                report_format=self._report,
            )
            with progress_of(job) as show:
                summary = job.run(self._sender, show)
            if self._wholesale is not None:
                self._wholesale.add(file, adapter)
        except FileRefusedError as error:
            self.refused[shown_as] = str(error)
            return
        self.done.append(summary)
        if not self._quiet:
            tell(summary)

    def end(self) -> None:
        """Raises what decides the exit code: files that were refused, then records that were."""
        from cxmesh_cli.errors import FilesRefusedError, RecordsRejectedError

        rejecting = [summary for summary in self.done if summary.position.counts.rejected]
        if self.refused:
            problems = "\n".join(f"{file}: {problem}" for file, problem in self.refused.items())
            raise FilesRefusedError(problems, hint="mend the file; nothing is counted twice when it is sent again")
        if rejecting:
            rows = sum(summary.position.counts.rows for summary in rejecting)
            rejected = sum(summary.position.counts.rejected for summary in rejecting)
            raise RecordsRejectedError(
                f"{rejected:,} of {rows:,} rows were refused",
                hint=f"cat {rejecting[0].report}, which gives place, field and reason of each; then repair and "
                f"cxmesh ingest --replay {rejecting[0].quarantine}",
            )
