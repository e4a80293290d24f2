"""cxmesh wholesale: what visited networks charge for roamers, against what was agreed and what customers pay."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.commands.texts import read_text
from cxmesh_cli.console import notices, print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.wholesale.recording import Recorded

EXAMPLES = examples(
    "cxmesh wholesale tariff DEUD1 iot-deud1.yaml",
    "cxmesh wholesale record charges.jsonl --report refused.csv",
    "cxmesh wholesale check DEUD1 --period 2026-03 --rate USD=1.25",
)
_LISTED: Final = 10
_RATE: Final = re.compile(r"([A-Z]{3})=([0-9]{1,9}(?:\.[0-9]{1,12})?)")
PartnerArgument = Annotated[str, typer.Argument(metavar="TADIG", help="The visited network's code, e.g. DEUD1.")]


def build() -> typer.Typer:
    app = typer.Typer(
        name="wholesale", help="What visited networks charge for roamers.", epilog=EXAMPLES, no_args_is_help=True
    )
    app.callback()(_wholesale)
    app.command("tariff", epilog=EXAMPLES)(tariff)
    app.command("record", epilog=EXAMPLES)(record)
    app.command("check", epilog=EXAMPLES)(check)
    return app


def _wholesale() -> None:
    """What visited networks charge for roamers, against what was agreed and what customers pay."""


def tariff(
    partner: PartnerArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A tariff document, YAML or JSON.")
    ],
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    as_json: JsonOption = False,
) -> None:
    """Set what a network may charge; the same document again changes nothing.

    The exit code is 8 for a document that is refused.
    """
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service
    from cxmesh_cli.wholesale.tariffs import set_tariff

    document = read_text(file)
    with channel_to(Home.at(home), find_service("billing-accuracy"), identity) as channel:
        kept = set_tariff(channel, partner, document, shown_as=str(file))
    since = kept.update_time.ToJsonString()
    if as_json:
        print_json({"name": kept.name, "digest": kept.digest, "update_time": since})
    else:
        results().print(f"{kept.name} is {file}, since {since} (SHA-256 {kept.digest[:16]}…)", markup=False)


def record(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", exists=True, dir_okay=False, help="What `cxmesh ingest --wholesale-out` wrote."
        ),
    ],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="CSV", dir_okay=False, help="Where to list refused charges.")
    ] = None,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, max=16, help="Batches under way at a time.")] = 2,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    as_json: JsonOption = False,
) -> None:
    """Send charges to billing-accuracy in batches of 1,000.

    A charge is stored once, so a file may be sent again after a break. The exit code is 7 when some charges were
    refused, each told with line, field and reason, and 8 when a file has no charges at all; the others get in all
    the same.
    """
    from cxmesh_cli.errors import FilesRefusedError, RecordsRejectedError
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service
    from cxmesh_cli.wholesale.charges import read_charges
    from cxmesh_cli.wholesale.recording import Recorded, record_charges, write_report

    recorded = Recorded()
    without: list[str] = []
    with channel_to(Home.at(home), find_service("billing-accuracy"), identity) as channel:
        for file in files:
            try:
                with file.open("rb") as stream:
                    items = read_charges(stream, str(file))
                    for so_far in record_charges(channel, items, str(file), recorded, in_flight=in_flight):
                        if not as_json:
                            notices().print(f"{file}: {so_far.charges:,} charges", markup=False)
            except FilesRefusedError as error:
                without.append(error.message)
    _tell_recorded(recorded, as_json=as_json)
    if report is not None:
        write_report(recorded.refused, report)
    if without:
        raise FilesRefusedError("\n".join(without), hint="a charge is stored once, however often its file is sent")
    if recorded.refused:
        shown = f"cat {report}" if report else "--report FILE"
        raise RecordsRejectedError(f"{len(recorded.refused)} charges were refused", hint=f"{shown} names them all")


def check(
    partner: PartnerArgument,
    period: Annotated[
        str,
        typer.Option(
            "--period", metavar="PERIOD", help="2026-03, 2026-03-01/2026-03-15 or 28d; this month by default."
        ),
    ] = "",
    rates: Annotated[
        list[str] | None,
        typer.Option(
            "--rate", metavar="CODE=RATE", help="What one unit of the tariff's currency is worth in that of a plan."
        ),
    ] = None,
    subscriptions: Annotated[
        Path | None,
        typer.Option(
            "--subscriptions",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Ids, one a line, whose usage is looked at though nothing was charged for it.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="CSV", dir_okay=False, help="Where to list all differences.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    as_json: JsonOption = False,
) -> None:
    """Compare a network's charges with its tariff, and with what customers are charged for the same usage.

    Events that began in the period, at most 62 days of UTC. A difference above zero is to our harm; the exit code is 0
    whatever differs.
    """
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.period import parse_period
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service
    from cxmesh_cli.wholesale.checking import as_document, check_charges, write_report
    from cxmesh_cli.wholesale.showing import render

    interval = parse_period(period, datetime.now(UTC)).message()
    converted, names = _rates(rates or ()), _names(subscriptions)
    with channel_to(Home.at(home), find_service("billing-accuracy"), identity) as channel:
        found = check_charges(channel, partner, interval, names, converted)
    if as_json:
        print_json(as_document(found))
    else:
        for part in render(found):
            results().print(part, soft_wrap=False)
    if report is not None:
        write_report(found, report)
    elif found.differences and not as_json:
        notices().print("[dim]--report FILE and --json have all, exactly and with why[/]")


def _names(file: Path | None) -> list[str]:
    lines = read_text(file).split() if file else []
    return [f"subscriptions/{line.removeprefix('subscriptions/')}" for line in lines]


def _rates(given: Sequence[str]) -> dict[str, str]:
    from cxmesh_cli.errors import BadInputError

    rates: dict[str, str] = {}
    for one in given:
        match = _RATE.fullmatch(one)
        if match is None or match[1] in rates:
            raise BadInputError(f"--rate {one}: expected a currency and its rate, once each", hint="--rate USD=1.25")
        rates[match[1]] = match[2]
    return rates


def _tell_recorded(recorded: "Recorded", *, as_json: bool) -> None:
    from dataclasses import asdict

    refused = recorded.refused
    if as_json:
        print_json(
            {
                "accepted": recorded.accepted,
                "duplicates": recorded.duplicates,
                "refused": [asdict(one) for one in refused],
            }
        )
        return
    results().print(
        f"{recorded.accepted:,} charges accepted, {recorded.duplicates:,} known already, {len(refused):,} refused"
    )
    for one in refused[:_LISTED]:
        where = f"{one.file}, line {one.line}" + (f", {one.field}" if one.field else "")
        results().print(f"  {where}: {one.reason}: {one.description}", markup=False)
    if len(refused) > _LISTED:
        results().print(f"  and {len(refused) - _LISTED:,} more")
