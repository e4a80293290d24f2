"""cxmesh status: is everything well, and how far behind are the readers of events?"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from cxmesh_cli.commands.options import DEFAULT_HOME, HomeOption, JsonOption, examples
from cxmesh_cli.console import Json, print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.record import InstanceRecord
    from cxmesh_cli.instance.status import ProcessStatus
    from mesh.events import StreamStatus

EXAMPLES = examples(
    "cxmesh status",
    "cxmesh status --json | jq '.streams[] | select(.parked > 0)'",
    "cxmesh status > /dev/null && echo all is well",
)
_STYLES = {"serving": "green", "stopped": "dim", "not serving": "yellow"}


def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show health, version and uptime of each process, and the lag of each group that reads events.

    The exit code is 3 when something that was started is not healthy.
    """
    from cxmesh_cli.errors import NotRunningError
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.instance.record import require_record
    from cxmesh_cli.instance.status import process_statuses

    place = Home.at(home)
    record = require_record(place)
    processes = process_statuses(record)
    streams = _streams(place, record)
    if as_json:
        _print_json(place, record, processes, streams)
    else:
        results().print(f"[dim]{escape(str(place.root))}, up since {record.started.astimezone():%Y-%m-%d %H:%M:%S}[/]")
        results().print(_process_table(processes))
        if streams is None:
            results().print("[yellow]Redis is not running: nothing is known of the streams[/]")
        elif any(stream.groups for stream in streams):
            results().print(_stream_table(streams))
    unwell = [each.name for each in processes if not each.is_well]
    if unwell and as_json:
        raise typer.Exit(NotRunningError.exit_code)
    if unwell:
        raise NotRunningError(f"not healthy: {', '.join(unwell)}", hint=f"cxmesh logs {unwell[0]}")


def _streams(place: "Home", record: "InstanceRecord") -> "Sequence[StreamStatus] | None":
    from cxmesh_cli.instance.record import REDIS
    from cxmesh_cli.instance.stores import running_redis_url
    from cxmesh_cli.streams import read_streams

    if not record.is_alive(REDIS):
        return None
    return asyncio.run(read_streams(running_redis_url(place)))


def _print_json(
    place: "Home",
    record: "InstanceRecord",
    processes: "Sequence[ProcessStatus]",
    streams: "Sequence[StreamStatus] | None",
) -> None:
    lags: list[Json] = [
        {
            "topic": status.stream.topic,
            "partition": status.stream.partition,
            "entries": status.entries,
            "group": group.name,
            "waiting": group.waiting,
            "pending": group.pending,
            "oldest": None if group.oldest is None else group.oldest.isoformat(),
            "parked": group.parked,
            "consumers": group.consumers,
        }
        for status in streams or ()
        for group in status.groups
    ]
    print_json(
        {
            "home": str(place.root),
            "started": record.started.isoformat(),
            "healthy": all(each.is_well for each in processes),
            "processes": [each.as_json() for each in processes],
            "streams": None if streams is None else lags,
        }
    )


def _process_table(processes: "Sequence[ProcessStatus]") -> Table:
    table = Table("", "health", "version", "uptime", "pid", "address", box=None, pad_edge=False, header_style="dim")
    for each in processes:
        style = _STYLES.get(each.health, "bold red")
        uptime = "" if each.uptime_seconds is None else _span_text(each.uptime_seconds)
        pid = "" if each.pid is None else str(each.pid)
        table.add_row(each.name, f"[{style}]{each.health}[/]", each.version, uptime, pid, each.address)
    return table


def _stream_table(streams: "Sequence[StreamStatus]") -> Table:
    columns = ("topic", "read by", "waiting", "pending", "oldest", "parked")
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for status in streams:
        for group in status.groups:
            age = "" if group.oldest is None else _span_text((datetime.now(UTC) - group.oldest).total_seconds())
            parked = f"[red]{group.parked}, see cxmesh events parked[/]" if group.parked else "0"
            topic = f"{status.stream.topic}:{status.stream.partition}"
            table.add_row(topic, group.name, str(group.waiting), str(group.pending), age, parked)
    return table


def _span_text(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
