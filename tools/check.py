"""Whether the project is clean: lint, types, layering, contracts, generated code. `make check` runs it."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.docs import stale_pages
from tools.gen import OUTPUT, ROOT, generate


def main() -> int:
    """Run every check, say how each went, and return the number that failed."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("ruff check", lambda: run("ruff", "check", ".")),
        ("ruff format", lambda: run("ruff", "format", "--check", ".")),
        ("mypy strict", mypy),
        ("import-linter", lambda: run("lint-imports", "--no-cache")),
        ("buf lint (STANDARD)", lambda: run("buf", "lint", cwd=ROOT / "protos")),
        ("buf format", lambda: run("buf", "format", "--diff", "--exit-code", "api", cwd=ROOT / "protos")),
        ("buf breaking (WIRE_JSON)", breaking),
        ("generated code is up to date", generated),
        ("generated docs are up to date", lambda: "\n".join(stale_pages())),
    ]
    failures = 0
    for title, check in checks:
        started = time.monotonic()
        problem = check()
        seconds = time.monotonic() - started
        note = problem.removeprefix("note: ") if problem.startswith("note: ") else ""
        failed = bool(problem) and not note
        print(f"{'FAIL' if failed else ' ok '}  {title}  ({seconds:.1f} s){'  ' + note if note else ''}", flush=True)
        if failed:
            failures += 1
            print(problem, flush=True)
    print(f"{len(checks) - failures} checks passed, {failures} failed")
    return failures


def run(*command: str, cwd: Path = ROOT) -> str:
    """Empty when the command succeeds, otherwise what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit status {done.returncode}"


def mypy() -> str:
    """Every package's source and the tools, each service on its own so that same-named test modules don't meet."""
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*/src") if "contracts" not in path.parts)
    return run("mypy", *sources, "tools")


def breaking() -> str:
    """Compare the contracts with the last release tag, or say that there is none."""
    tags = subprocess.run(
        ["git", "tag", "--list", "v*", "--sort=-version:refname"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if not tags:
        return "note: no release tag yet, so there is nothing that could be broken"
    return run("buf", "breaking", "--against", f"../.git#tag={tags[0]},subdir=protos", cwd=ROOT / "protos")


def generated() -> str:
    """Generate anew into a temporary folder and compare with what is committed."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        names = {path.relative_to(root) for root in (fresh, OUTPUT) for path in sources(root)}
        stale = sorted(str(name) for name in names if not same(fresh / name, OUTPUT / name))
    return f"run `make gen`; these differ: {', '.join(stale)}" if stale else ""


def sources(root: Path) -> list[Path]:
    """Generated files below `root`."""
    return [path for path in root.rglob("*") if path.suffix in {".py", ".pyi", ".typed"} and path.is_file()]


def same(left: Path, right: Path) -> bool:
    """Whether both exist with the same bytes."""
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


if __name__ == "__main__":
    sys.exit(main())
