"""cxmesh sla import: OpenSLO documents into the value network."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.commands.texts import read_text
from cxmesh_cli.console import Json, print_json, results

if TYPE_CHECKING:
    from cxmesh.sla.v1.objective_service_pb2 import ImportObjectivesResponse

EXAMPLES = examples(
    "cxmesh sla import cdn-one.yaml --dry-run     what is wrong, and what would change",
    "cxmesh sla import cdn-one.yaml",
    "cxmesh sla import slos.yaml --partner cdn-one --effective-from 2026-04-01T00:00:00+02:00",
    "kustomize build slos | cxmesh sla import -",
)


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML or JSON, of one or several documents; - for stdin.")
    ],
    partner: Annotated[
        str, typer.Option("--partner", metavar="ID", help="Whose objectives these are, where the file doesn't say it.")
    ] = "",
    effective_from: Annotated[
        str,
        typer.Option(
            "--effective-from", metavar="TIME", help="From when on they hold, where the file doesn't say it (ISO 8601)."
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look; change nothing.")] = False,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    as_json: JsonOption = False,
) -> None:
    """Take in objectives (openslo/v1) and terms of agreements (cxmesh/v1 AgreementTerms): all of a file, or nothing.

    What is wrong is told with line and column; the exit code is 8 then. What is kept already is left as it is.
    """
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.sla.importing import import_text
    from cxmesh_cli.topology import find_service

    moment = _moment(effective_from)
    text = read_text(file)
    with channel_to(Home.at(home), find_service("value-network-sla"), identity) as channel:
        found = import_text(channel, text, shown_as=str(file), partner=partner, effective=moment, dry_run=dry_run)
    if as_json:
        print_json(_document(found))
        return
    for objective in found.objectives:
        label = "would become" if dry_run else "is"
        when = objective.effective_time.ToDatetime().isoformat()
        results().print(f"{objective.name} {label} revision {objective.revision}, of {objective.partner}, from {when}Z")
    for name in found.unchanged:
        results().print(f"{name} is kept just so")


def _moment(text: str) -> datetime | None:
    from cxmesh_cli.errors import BadInputError

    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInputError(
            f"--effective-from: {text!r} is no moment with an offset", hint="write it as 2026-04-01T00:00:00+02:00"
        )
    return moment


def _document(found: "ImportObjectivesResponse") -> Json:
    return {
        "objectives": [
            {
                "name": each.name,
                "revision": each.revision,
                "partner": each.partner,
                "effective_time": each.effective_time.ToJsonString(),
            }
            for each in found.objectives
        ],
        "unchanged": list(found.unchanged),
    }
