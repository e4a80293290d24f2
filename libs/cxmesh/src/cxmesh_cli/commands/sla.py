"""cxmesh sla: what was promised in the value network, how it was kept, and what follows."""

import typer

from cxmesh_cli.commands import sla_import, sla_recompute, sla_report
from cxmesh_cli.commands.options import examples

EXAMPLES = examples(
    "cxmesh sla import cdn-one.yaml",
    "cxmesh sla report cdn-one",
    "cxmesh sla report cdn-one --period 2026-03 --html cdn-one.html --csv cdn-one/",
    "cxmesh sla recompute evidence.json --public-key provider.pem",
)


def build() -> typer.Typer:
    app = typer.Typer(
        name="sla",
        help="Agreements with partners: reports and what they rest on.",
        epilog=EXAMPLES,
        no_args_is_help=True,
    )
    app.callback()(_sla)
    app.command("import", epilog=sla_import.EXAMPLES)(sla_import.import_)
    app.command("report", epilog=sla_report.EXAMPLES)(sla_report.report)
    app.command("recompute", epilog=sla_recompute.EXAMPLES)(sla_recompute.recompute)
    return app


def _sla() -> None:
    """Agreements with partners: reports and what they rest on."""
