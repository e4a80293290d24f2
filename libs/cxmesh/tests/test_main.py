"""Does the command explain itself, and end with the codes that it promises?"""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cxmesh_cli import errors
from cxmesh_cli.main import build

Cxmesh = Callable[..., Any]
COMMANDS = sorted(str(command.name) for command in build().registered_commands)


def test_the_version_is_that_of_the_package(cxmesh: Cxmesh) -> None:
    assert cxmesh("--version").out == f"cxmesh {metadata.version('cxmesh')}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(cxmesh: Cxmesh, command: str) -> None:
    ended = cxmesh(command, "--help")
    assert ended.code == 0
    assert "Examples:" in ended.out
    assert f"cxmesh {command}" in ended.out
    assert command in cxmesh("--help").out


def test_every_exit_code_stands_in_the_help_and_is_used_once(cxmesh: Cxmesh) -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = [kind.exit_code for kind in classes if issubclass(kind, errors.CommandError)]
    assert len(set(codes)) == len(codes)
    shown = " ".join(cxmesh("--help").out.split())
    for code in codes:
        assert f"· {code} " in shown


@pytest.mark.parametrize("arguments", [["nothing"], ["up", "--nothing"], ["trace"], ["ingest", "missing.csv"]])
def test_wrong_usage_ends_with_two(cxmesh: Cxmesh, arguments: list[str]) -> None:
    ended = cxmesh(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [["open-ports"], ["call", "profile"], ["trace", "a" * 32], ["status"], ["events", "parked"]],
)
def test_what_needs_an_instance_says_so_without_one(cxmesh: Cxmesh, arguments: list[str]) -> None:
    ended = cxmesh(*arguments)
    assert ended.code == 3
    assert ended.err.startswith("error: no instance is running in")


def test_help_does_not_load_grpc_or_the_stores(tmp_path: Path) -> None:
    check = (
        "import sys; from cxmesh_cli.main import build; build();"
        "print(sorted({'grpc', 'sqlalchemy', 'redis', 'mesh', 'psycopg', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_a_pipe_that_closes_early_is_no_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cxmesh_cli", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_proxies_are_left_out_of_what_stays_on_this_machine(cxmesh: Cxmesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    cxmesh("mail")
    assert "HTTPS_PROXY" not in os.environ
