"""cxmesh sla report: one partner's agreements, how they were kept, and what follows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import Json, notices, print_json, results

if TYPE_CHECKING:
    import grpc

    from cxmesh_cli.sla.document import Report

EXAMPLES = examples(
    "cxmesh sla report cdn-one",
    "cxmesh sla report cdn-one --period 2026-03 --html cdn-one.html --csv cdn-one/",
    "cxmesh sla report cdn-one --as partner/cdn-one",
    "cxmesh sla report cdn-one --address sla.operator.example:8443 --tls certificates/",
)


def report(  # noqa: PLR0917 - typer makes each an option
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="Its id, or partners/{id}.")],
    period: Annotated[
        str,
        typer.Option(
            "--period", metavar="PERIOD", help="2026-03, 2026-03-01/2026-03-15 or 28d; this month by default."
        ),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a page that stands alone.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", file_okay=False, help="Write a CSV file for each table.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    address: Annotated[
        str, typer.Option("--address", metavar="HOST:PORT", help="A value-network-sla elsewhere; needs --tls.")
    ] = "",
    tls: Annotated[
        Path | None,
        typer.Option(
            "--tls", metavar="DIR", exists=True, file_okay=False, help="Folder of tls.crt, tls.key and ca.crt."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a partner's attainment, breaches, alerts, statements and what customers experienced of it.

    A partner gets the same report of itself with its own certificate: --as in an instance here, --address and --tls
    elsewhere.
    """
    from cxmesh_cli.period import parse_period
    from cxmesh_cli.sla.collect import collect
    from cxmesh_cli.sla.csv_files import write_csv
    from cxmesh_cli.sla.html_page import write_html
    from cxmesh_cli.sla.terminal import render

    now = datetime.now(UTC)
    wanted = parse_period(period, now)
    name = f"partners/{partner.removeprefix('partners/')}"
    with _channel(home, identity, address, tls) as channel:
        found = collect(channel, name, wanted, now)
    if html is not None:
        write_html(found, html)
        notices().print(f"[dim]wrote {escape(str(html))}[/]")
    if csv is not None:
        notices().print(f"[dim]wrote {len(write_csv(found, csv))} files in {escape(str(csv))}[/]")
    if as_json:
        print_json(_as_json(found))
    elif html is None and csv is None:
        console = results()
        for part in render(found, console.width):
            console.print(part, soft_wrap=False)


@contextmanager
def _channel(home: Path, identity: str, address: str, tls: Path | None) -> "Iterator[grpc.Channel]":
    from cxmesh_cli.errors import BadInputError
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.identities import TlsFiles
    from cxmesh_cli.rpc.channel import channel_to, open_channel
    from cxmesh_cli.topology import find_service

    if bool(address) != (tls is not None):
        raise BadInputError("--address and --tls come together", hint="or leave both out to ask the instance here")
    if tls is None:
        with channel_to(Home.at(home), find_service("value-network-sla"), identity) as channel:
            yield channel
        return
    files = TlsFiles(tls / "tls.crt", tls / "tls.key", tls / "ca.crt")
    for file in (files.certificate, files.key, files.authority):
        if not file.is_file():
            raise BadInputError(
                f"there is no {file.name} in {tls}", hint="--tls takes the folder of tls.crt, tls.key, ca.crt"
            )
    with open_channel(address, address.rpartition(":")[0] or address, files) as channel:
        yield channel


def _as_json(found: "Report") -> Json:
    from fractions import Fraction

    from cxmesh_cli.sla.document import decimals

    def plain(cell: str | int | Fraction | None) -> Json:
        return decimals(cell, 6) if isinstance(cell, Fraction) else cell

    return {
        "title": found.title,
        **dict(found.facts),
        **{
            table.name: [
                {column.replace(" ", "_"): plain(cell) for column, cell in zip(table.columns, row, strict=True)}
                for row in table.rows
            ]
            for table in found.tables
        },
        "notes": list(found.notes),
    }
