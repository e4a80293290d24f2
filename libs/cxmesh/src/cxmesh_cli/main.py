"""Which commands are there, and how does each end?"""

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from cxmesh_cli.commands import (
    bills,
    call,
    certificate,
    down,
    events,
    ingest,
    logs,
    mail,
    ports,
    sla,
    status,
    trace,
    up,
    wholesale,
)
from cxmesh_cli.console import print_error
from cxmesh_cli.demo import command as demo
from cxmesh_cli.errors import CommandError
from cxmesh_cli.instance.environment import is_proxy

_EPILOG = (
    "Exit codes: 0 done · 1 failed · 2 wrong usage or input · 3 not running or not healthy · 4 port taken · "
    "5 start failed · 6 a service answered with an error · 7 some records were refused · "
    "8 a file was refused whole · 130 interrupted"
)


def build() -> typer.Typer:
    app = typer.Typer(
        name="cxmesh",
        help="Run the mesh here, feed it, ask it.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    run = "Run it"
    app.command("up", epilog=up.EXAMPLES, rich_help_panel=run)(up.up)
    app.command("down", epilog=down.EXAMPLES, rich_help_panel=run)(down.down)
    app.command("status", epilog=status.EXAMPLES, rich_help_panel=run)(status.status)
    app.command("logs", epilog=logs.EXAMPLES, rich_help_panel=run)(logs.logs)
    app.command("open-ports", epilog=ports.EXAMPLES, rich_help_panel=run)(ports.open_ports)
    app.add_typer(events.build(), rich_help_panel=run)
    use = "Feed it, ask it"
    app.command("demo", epilog=demo.EXAMPLES, rich_help_panel=use)(demo.demo)
    app.command("ingest", epilog=ingest.EXAMPLES, rich_help_panel=use)(ingest.ingest)
    app.add_typer(bills.build(), rich_help_panel=use)
    app.add_typer(wholesale.build(), rich_help_panel=use)
    app.command("call", epilog=call.EXAMPLES, rich_help_panel=use)(call.call)
    app.command("trace", epilog=trace.EXAMPLES, rich_help_panel=use)(trace.trace)
    app.add_typer(sla.build(), rich_help_panel=use)
    app.command("mail", epilog=mail.EXAMPLES, rich_help_panel=use)(mail.mail)
    app.command("partner-certificate", epilog=certificate.EXAMPLES, rich_help_panel=use)(
        certificate.partner_certificate
    )
    return app


def main() -> None:
    """The entry point: a CommandError is told in words; anything else is a defect and shows its traceback."""
    for name in filter(is_proxy, list(os.environ)):
        del os.environ[name]  # everything this command talks to is on this machine
    try:
        build()()
    except CommandError as error:
        print_error(error)
        sys.exit(error.exit_code)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cxmesh {metadata.version('cxmesh')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself; each acts through its callback."""


if __name__ == "__main__":
    main()
