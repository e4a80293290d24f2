"""What does a person see of an ingest: progress while it runs, and a report at its end?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from cxmesh_cli.console import Json, notices, results
from cxmesh_cli.ingest.position import Position
from cxmesh_cli.ingest.run import Ingest, Summary

OnProgress = Callable[[Position], None]


@contextmanager
def progress_of(job: Ingest) -> Iterator[OnProgress]:
    """Bytes done and records a second, on a terminal; a note of what earlier runs did."""
    console = notices()
    if job.position.finished:
        console.print(f"[dim]{escape(job.shown_as)} was taken in before; --again sends it once more[/]")
    elif job.rows_before:
        console.print(f"[dim]{escape(job.shown_as)}: going on after row {job.rows_before:,}[/]")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        start = job.position.mark.offset
        task = progress.add_task(escape(job.shown_as), total=job.bytes, completed=start, rate="")

        def show(position: Position) -> None:
            elapsed = progress.tasks[0].elapsed
            rows = position.counts.rows - job.rows_before
            rate = f"{rows / elapsed:,.0f} records/s" if elapsed else ""
            progress.update(task, completed=position.mark.offset, rate=rate)

        yield show


def tell(summary: Summary) -> None:
    """One file's outcome: counts, reasons, totals, rate."""
    counts, console = summary.position.counts, results()
    parts = [f"{counts.accepted:,} accepted", f"{counts.duplicates:,} known already"]
    if counts.skipped:
        parts.append(f"{counts.skipped:,} skipped")
    if counts.rejected:
        parts.append(f"[red]{counts.rejected:,} refused[/]")
    rate = f" in {summary.seconds:.1f} s ({summary.rows_per_second:,.0f} rows/s)"
    name = f"{escape(summary.file)} ({summary.position.format})"
    console.print(f"{name}: {counts.rows:,} rows{rate}: {', '.join(parts)}")
    for reason, count in sorted(counts.reasons.items(), key=lambda one: (-one[1], one[0])):
        console.print(f"  {count:,} × {reason.removeprefix('ERROR_REASON_')}")  # noqa: RUF001  # a multiplication sign
    for total, value in summary.totals.items():
        console.print(f"  {escape(total)} = {escape(value)}, as found")
    if counts.rejected:
        console.print(f"  report: {escape(str(summary.report))}")
        console.print(f"  quarantine: {escape(str(summary.quarantine))}")


def document(summaries: Sequence[Summary], refused: dict[str, str]) -> Json:
    """All files together, for a script."""
    files: list[Json] = [summary.as_json() for summary in summaries]
    files += [{"file": file, "refused": problem} for file, problem in refused.items()]
    counts = [summary.position.counts for summary in summaries]
    reasons: dict[str, int] = {}
    for count in counts:
        for reason, number in count.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + number
    return {
        "rows": sum(count.rows for count in counts),
        "accepted": sum(count.accepted for count in counts),
        "duplicates": sum(count.duplicates for count in counts),
        "rejected": sum(count.rejected for count in counts),
        "skipped": sum(count.skipped for count in counts),
        "reasons": reasons,
        "files_refused": len(refused),
        "seconds": round(sum(summary.seconds for summary in summaries), 3),
        "files": files,
    }
