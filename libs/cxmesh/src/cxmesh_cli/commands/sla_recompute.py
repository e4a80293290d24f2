"""cxmesh sla recompute: does a decision follow from its evidence? Without access to the mesh."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import JsonOption, examples
from cxmesh_cli.console import Json, notices, print_json, results
from cxmesh_cli.errors import BadInputError, CommandError

if TYPE_CHECKING:
    from apportioning.evidence.recompute import Recomputation
    from apportioning.evidence.signing import SignedBundle

EXAMPLES = examples(
    "cxmesh sla recompute evidence.json",
    "cxmesh sla recompute evidence.json --public-key provider.pem",
    'cxmesh call sla GetEvidence \'{"name": "evidence/…"}\' --json | jq -r .document | cxmesh sla recompute -',
)
_STDIN = "-"


def recompute(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A signed evidence bundle in JSON; - for stdin.")],
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", metavar="PEM", help="The provider's public key: check the signature as well."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work a decision out again from its evidence bundle alone, and say whether it comes out as stated."""
    from apportioning.evidence.recompute import recompute as work_out
    from apportioning.evidence.signing import NoBundle, read_signed

    try:
        signed = read_signed(_read(bundle))
        signature = _signature(signed, public_key)
        found = work_out(signed.bundle)
    except NoBundle as error:
        raise BadInputError(f"{bundle}: {error}") from error
    _show_json(found, signed, signature) if as_json else _show(found, signed, signature)
    if signature == "wrong":
        raise CommandError(f"{found.subject}: the signature is not by this key over this bundle")
    if not found.holds:
        wrong = sum(not check.holds for check in found.checks)
        raise CommandError(f"{found.subject}: {wrong} of {len(found.checks)} checks came out otherwise than stated")


def _read(bundle: str) -> bytes:
    if bundle == _STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(bundle).read_bytes()
    except OSError as error:
        raise BadInputError(f"{bundle} can't be read: {error.strerror}") from error


def _signature(signed: "SignedBundle", public_key: Path | None) -> str:
    """What there is to say of it: right, wrong, or not checked."""
    from apportioning.evidence.signing import NoKey, key_id_of

    if public_key is None:
        return "not checked"
    try:
        pem = public_key.read_text(encoding="utf-8")
        if key_id_of(pem) != signed.key_id:
            hint = f"the bundle was signed with key {signed.key_id}, this one is {key_id_of(pem)}"
            raise CommandError(f"{public_key} is another key", hint=hint)
        return "right" if signed.is_signed_by(pem) else "wrong"
    except (OSError, UnicodeDecodeError, NoKey) as error:
        raise BadInputError(f"{public_key} is no public key: {error}") from error


def _show(found: "Recomputation", signed: "SignedBundle", signature: str) -> None:
    console = results()
    seen_by = f", as {escape(found.reduced_for)} sees it" if found.reduced_for else ""
    console.print(f"{escape(found.kind)} {escape(found.subject)}{seen_by}")
    console.print(f"signature by key {signed.key_id}: {signature}")
    for check in found.checks:
        if check.holds:
            console.print(f"[green]✓[/] {escape(check.what)}{_short(check.found)}")
        else:
            console.print(f"[red]✗[/] {escape(check.what)}")
            console.print(f"    stated {escape(str(check.stated))}\n    found  {escape(str(check.found))}")
    for taken in found.taken:
        console.print(f"· taken as stated: {escape(taken)}")
    if signature == "not checked":
        notices().print("the signature was not checked: give the provider's key with --public-key")


def _short(value: object) -> str:
    """Figures are shown, long lists are not."""
    return f": {value}" if isinstance(value, int) and not isinstance(value, bool) else ""


def _show_json(found: "Recomputation", signed: "SignedBundle", signature: str) -> None:
    checks: list[Json] = [{"what": check.what, "holds": check.holds} for check in found.checks]
    print_json(
        {
            "subject": found.subject,
            "kind": found.kind,
            "reduced_for": found.reduced_for,
            "key_id": signed.key_id,
            "signature": signature,
            "holds": found.holds,
            "checks": checks,
            "taken_as_stated": found.taken,
        }
    )
