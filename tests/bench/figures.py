"""What a benchmark answers with, and how figures are kept."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside a baseline of the same run; only their ratio carries over to another machine."""

    value: float
    unit: str
    baseline: float
    """The same measure of the thing it is compared with, in the same unit."""
    ratio: float
    """value / baseline."""

    @classmethod
    def against(cls, value: float, baseline: float, unit: str) -> Figure:
        """A figure whose ratio follows from its baseline."""
        return cls(value=value, unit=unit, baseline=baseline, ratio=value / baseline if baseline else 0.0)


def median_seconds(work: Callable[[], object], *, runs: int = 5, warmups: int = 1) -> float:
    """Median wall time of `work` over `runs`, after `warmups` that don't count."""
    for _ in range(warmups):
        work()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def merge(figures: dict[str, Figure]) -> None:
    """Write figures into build/bench.json, beside those of other areas that are there already."""
    RESULTS.parent.mkdir(exist_ok=True)
    known: dict[str, object] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known.update({key: asdict(figure) for key, figure in figures.items()})
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
