"""Does the command work a decision out again from a file alone, and does its exit code say what came out?"""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from apportioning.evidence.canonical import digest
from apportioning.evidence.sessions import Case, session_bundle
from apportioning.evidence.signing import Signer
from apportioning.ordering import CRISP
from apportioning.proof.plans import Dice, concurrent, spans_of
from apportioning.terms import Policy, Terms
from cxmesh_cli.errors import BadInputError, CommandError
from cxmesh_cli.main import build

SIGNER = Signer.new()


def _document(change: int = 0) -> str:
    plan = Dice(random.Random(1)).plan()
    promises = {
        (partner, operation): Terms(f"agreements/{operation.replace(' ', '-')}", partner, operation, budget // 2 + 1)
        for operation, budget in plan.budgets.items()
        for partner in (f"partners/{name}" for name in "abcde")
    }
    beside = concurrent(plan)
    spans = spans_of(plan)
    case = Case(bytes(16), "iptv", b"\0\0\0\0\0\0\0\1", spans, frozenset(), promises, {}, Policy.SHAPLEY, CRISP, beside)
    bundle: Any = dict(session_bundle(case))
    bundle["result"] = {**bundle["result"], "lateness_ns": bundle["result"]["lateness_ns"] + change}
    return SIGNER.sign(bundle).document()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "provider.pem"
    path.write_text(SIGNER.public_pem)
    return path


def _run(*arguments: object, given: str | None = None) -> Any:
    return CliRunner().invoke(build(), ["sla", "recompute", *map(str, arguments)], input=given)


def test_what_comes_out_as_stated_is_said_check_by_check(tmp_path: Path, key: Path) -> None:
    (bundle := tmp_path / "evidence.json").write_text(_document())
    done = _run(bundle, "--public-key", key)
    assert done.exit_code == 0
    assert f"signature by key {SIGNER.key_id}: right" in done.stdout
    assert done.stdout.count("✓") == 5


def test_a_bundle_may_come_through_a_pipe_and_go_on_as_json(key: Path) -> None:
    done = _run("-", "--json", given=_document())
    found = json.loads(done.stdout)
    assert (done.exit_code, found["holds"], found["signature"]) == (0, True, "not checked")


def test_what_comes_out_otherwise_fails_and_shows_both(tmp_path: Path) -> None:
    (bundle := tmp_path / "evidence.json").write_text(_document(change=1))
    done = _run(bundle)
    assert isinstance(done.exception, CommandError)
    assert "otherwise than stated" in done.exception.message
    assert "✗ lateness in nanoseconds" in done.stdout


def test_another_key_and_a_forged_bundle_fail(tmp_path: Path, key: Path) -> None:
    (bundle := tmp_path / "evidence.json").write_text(_document())
    (other := tmp_path / "other.pem").write_text(Signer.new().public_pem)
    assert "is another key" in str(_run(bundle, "--public-key", other).exception)
    forged = json.loads(_document())
    forged["bundle"]["service"] = "voip"
    forged["digest"] = digest(forged["bundle"])
    bundle.write_text(json.dumps(forged))
    assert "the signature is not" in str(_run(bundle, "--public-key", key).exception)


@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_what_is_no_bundle_is_wrong_input(tmp_path: Path, content: str) -> None:
    (bundle := tmp_path / "evidence.json").write_text(content)
    assert isinstance(_run(bundle).exception, BadInputError)


def test_files_that_are_not_there_are_wrong_input(tmp_path: Path) -> None:
    assert isinstance(_run(tmp_path / "nothing.json").exception, BadInputError)
    (bundle := tmp_path / "evidence.json").write_text(_document())
    assert isinstance(_run(bundle, "--public-key", tmp_path / "nothing.pem").exception, BadInputError)
