"""`make bench [AREA=…]`: run the benchmarks, print a table, keep the figures in build/bench.json."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figures import RESULTS, Figure, merge

ALSO = {"usage": ("best_plan",)}
"""What else belongs to an area, though it stands in a file of its own."""


def main(arguments: list[str]) -> int:
    """Run every `bench_<area>.py` here, or those named."""
    areas = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    if unknown := sorted(set(arguments) - set(areas)):
        print(f"unknown area {', '.join(unknown)}; there are: {', '.join(areas)}", file=sys.stderr)
        return 2
    wanted = dict.fromkeys(part for area in arguments or areas for part in (area, *ALSO.get(area, ())))
    console = Console()
    for area in wanted:
        console.print(f"[bold]==> {area}[/bold]")
        figures: dict[str, Figure] = importlib.import_module(f"tests.bench.bench_{area}").run()
        merge(figures)
        console.print(table(figures))
    console.print(f"Merged into {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return 0


def table(figures: dict[str, Figure]) -> Table:
    """A row per figure."""
    rows = Table("key", "value", "unit", "baseline", "ratio")
    for key, figure in sorted(figures.items()):
        rows.add_row(key, f"{figure.value:,.4g}", figure.unit, f"{figure.baseline:,.4g}", f"{figure.ratio:.3f}")
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
