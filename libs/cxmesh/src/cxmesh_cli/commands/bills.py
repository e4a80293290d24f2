"""cxmesh bills: bill runs in the formats that providers have, checked before they go out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import notices, print_json, results

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from bill_formats import BillMapping, BillReject, ReadBill
    from cxmesh_cli.bills.checking import Outcome

EXAMPLES = examples(
    "cxmesh bills check november.xml --run 2026-11 --currency EUR",
    "cxmesh bills check bills.jsonl --run 2026-11 --mapping bills.yaml --report held.csv",
)


def build() -> typer.Typer:
    app = typer.Typer(name="bills", help="Check bill runs before they go out.", epilog=EXAMPLES, no_args_is_help=True)
    app.callback()(_bills)
    app.command("check", epilog=EXAMPLES)(check)
    return app


def _bills() -> None:
    """Check bill runs before they go out."""


def check(  # noqa: PLR0917 - typer makes each an option
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False, help="TMF678 JSON, UBL XML or CSV.")
    ],
    run: Annotated[str, typer.Option("--run", metavar="ID", help="The bill run; made when it isn't there.")],
    currency: Annotated[
        str, typer.Option("--currency", metavar="CODE", help="ISO 4217 code of a run that is made.")
    ] = "EUR",
    kind: Annotated[str, typer.Option("--format", metavar="FORMAT", help="auto, tmf678, ubl or csv.")] = "auto",
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="YAML", exists=True, dir_okay=False, help="What the provider's words mean."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="CSV", dir_okay=False, help="Where to list held and refused bills."),
    ] = None,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, max=16, help="Batches under way at a time.")] = 2,
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    as_json: JsonOption = False,
) -> None:
    """Send bills to billing-accuracy, and tell how many may go, go with a note, or are held.

    A bill is checked once in a run, so a file may be sent again after a break. The exit code is 7 when some bills could
    not be read or checked, and 8 when a file can't be read at all; the others get in all the same.
    """
    from bill_formats import FORMATS
    from cxmesh_cli.bills.checking import Outcome, check_bills, make_run, write_report
    from cxmesh_cli.errors import BadInputError, FilesRefusedError, RecordsRejectedError
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service

    if kind not in {"auto", *FORMATS}:
        raise BadInputError(f"--format {kind}: expected auto, {', '.join(FORMATS)}")
    words = _mapping(mapping)
    outcome = Outcome()
    unread: list[str] = []
    with channel_to(Home.at(home), find_service("billing-accuracy"), identity) as channel:
        make_run(channel, run, currency)
        for file in files:
            try:
                with file.open("rb") as stream:
                    items = _read(file, stream, kind, words)
                    for so_far in check_bills(channel, f"billRuns/{run}", items, outcome, in_flight=in_flight):
                        if not as_json:
                            notices().print(f"{file}: {so_far.bills:,} bills", markup=False)
            except FilesRefusedError as error:
                unread.append(error.message)
    _tell(outcome, as_json=as_json)
    if report is not None:
        write_report(outcome, report)
    if unread:
        raise FilesRefusedError("\n".join(unread), hint="mend the file; a bill is checked once in a run")
    if outcome.refused:
        shown = f"cat {report}" if report else "--report FILE"
        raise RecordsRejectedError(
            f"{len(outcome.refused)} bills could not be read or checked", hint=f"{shown} names them"
        )


def _mapping(file: Path | None) -> "BillMapping":
    from bill_formats import BillMapping, MappingError, load_mapping
    from cxmesh_cli.errors import BadInputError

    if file is None:
        return BillMapping()
    try:
        return load_mapping(file.read_text("utf-8"))
    except (MappingError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file}: {error}") from error


def _read(file: Path, stream: "BinaryIO", kind: str, words: "BillMapping") -> "Iterator[ReadBill | BillReject]":
    from bill_formats import BillsRefused, MappingError, read_bills, sniff
    from cxmesh_cli.errors import BadInputError, FilesRefusedError

    name = sniff(stream) if kind == "auto" else kind
    try:
        yield from read_bills(stream, name, words)
    except BillsRefused as error:
        raise FilesRefusedError(f"{file} ({name}): {error}") from error
    except MappingError as error:
        raise BadInputError(f"--mapping: {error}") from error


def _tell(outcome: "Outcome", *, as_json: bool) -> None:
    if as_json:
        refused = [
            {"bill": bill, "reason": reason, "field": field, "description": text}
            for bill, reason, field, text in outcome.refused
        ]
        print_json({"verdicts": dict(outcome.verdicts), "held": outcome.held, "refused": refused})
        return
    verdicts = outcome.verdicts
    counted = (
        f"{verdicts['pass']:,} may go, {verdicts['pass_with_note']:,} go with a note, {verdicts['hold']:,} are held"
    )
    results().print(f"{counted}; {len(outcome.refused):,} could not be read or checked")
    for name in outcome.held[:10]:
        results().print(f"  held: {name}", markup=False)
    if len(outcome.held) > 10:  # noqa: PLR2004 - the first ten, and how many more
        results().print(f"  and {len(outcome.held) - 10:,} more")
