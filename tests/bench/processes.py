"""How does a benchmark run its servers: each a process of its own, ended with the benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_END_SECONDS = 30.0


@contextmanager
def process(module: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m tests.bench.<module>`; it is to end when its standard input closes, as it does at the end here."""
    started = subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
        started.communicate(timeout=_END_SECONDS)
    finally:
        started.kill()
        started.communicate()


def said(started: subprocess.Popen[str]) -> str:
    """The next line that a process prints: its address, that it is ready, its result."""
    assert started.stdout
    line = started.stdout.readline()
    if not line:
        raise RuntimeError("a process of the benchmark ended early; the reason is on standard error")
    return line.rstrip("\n")
