"""cxmesh open-ports: where an instance can be reached."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, examples
from cxmesh_cli.console import print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.instance.home import Home

EXAMPLES = examples(
    "cxmesh open-ports",
    "cxmesh open-ports --json | jq '.[].port'",
    'psql "$(cxmesh open-ports --urls --json | jq -r .DATABASE_URL)"',
)


def open_ports(
    home: HomeOption = DEFAULT_HOME,
    urls: Annotated[
        bool, typer.Option("--urls", help="Connection URLs of PostgreSQL and Redis, with their passwords.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the ports of the running instance and what each is for."""
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.ports import LOOPBACK, accepts
    from cxmesh_cli.instance.record import require_record

    place = Home.at(home)
    record = require_record(place)
    if urls:
        _print_urls(place, as_json=as_json)
        return
    ports = [(port, use, accepts(port)) for port, use in record.ports.all().items()]
    if as_json:
        print_json([{"port": port, "use": use, "open": is_open} for port, use, is_open in ports])
        return
    table = Table("address", "use", "", box=None, pad_edge=False, header_style="dim")
    for port, use, is_open in ports:
        table.add_row(f"{LOOPBACK}:{port}", use, "" if is_open else "[yellow]closed[/]")
    results().print(table)


def _print_urls(place: "Home", *, as_json: bool) -> None:
    from cxmesh_cli.instance.stores import running_database_url, running_redis_url

    urls = {"DATABASE_URL": running_database_url(place), "REDIS_URL": running_redis_url(place)}
    if as_json:
        print_json(urls)
        return
    for name, url in urls.items():
        typer.echo(f"{name}={url}")
