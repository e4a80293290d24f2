"""cxmesh mail: what the local SMTP server received."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, examples
from cxmesh_cli.console import print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.mailbox import Mail

EXAMPLES = examples(
    "cxmesh mail                         all messages, the latest last",
    "cxmesh mail 3                       the third one",
    "cxmesh mail last",
    "cxmesh mail --to ada@example.org",
)


def mail(
    number: Annotated[str, typer.Argument(metavar="[NUMBER|last]", help="The message to read.")] = "",
    home: HomeOption = DEFAULT_HOME,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Only to this address, or a part of it.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="List at most the latest so many.")] = 50,
    raw: Annotated[bool, typer.Option("--raw", help="The message as it was received.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the e-mails that the mesh sent, or read one."""
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.mailbox import pick, read_mailbox

    mails = read_mailbox(Home.at(home).mail, to)
    if not number:
        _list(mails, limit, as_json=as_json)
        return
    chosen = pick(mails, number)
    if as_json:
        print_json(chosen.as_json(with_text=True))
    elif raw:
        results().print(Text(chosen.file.read_text("utf-8", "replace")))
    else:
        _show(chosen)


def _list(mails: "list[Mail]", limit: int, *, as_json: bool) -> None:
    if as_json:
        print_json([mail.as_json(with_text=False) for mail in mails[-limit:]])
        return
    if not mails:
        results().print("no messages yet")
        return
    table = Table("no", "received", "to", "subject", box=None, pad_edge=False, header_style="dim")
    for mail in mails[-limit:]:
        received = mail.received.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(mail.number), received, Text(", ".join(mail.recipients)), Text(mail.subject))
    results().print(table, soft_wrap=False)
    if len(mails) > limit:
        results().print(f"[dim]the latest {limit} of {len(mails)}[/]")


def _show(mail: "Mail") -> None:
    console = results()
    for name, value in (
        ("from", mail.sender),
        ("to", ", ".join(mail.recipients)),
        ("subject", mail.subject),
        ("received", mail.received.astimezone().isoformat(timespec="seconds")),
    ):
        console.print(Text(f"{name:<9} ", style="dim").append(value, style="bold not dim" if name == "subject" else ""))
    console.print()
    console.print(Text(mail.text.rstrip()))
