"""How does a report look in the terminal: tables, and a bar for each stretch of time?"""

from collections.abc import Iterator
from fractions import Fraction

from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from cxmesh_cli.sla.document import Bar, Chart, Report, Table, cell_text, percent_cut

_LABEL_MOST = 28
_BAR_LEAST, _BAR_MOST = 20, 60
_EIGHTHS = " ▏▎▍▌▋▊▉"


def render(report: Report, width: int) -> Iterator[RenderableType]:
    """The report, part by part."""
    yield Text(report.title, style="bold")
    longest = max((len(name) for name, _ in report.facts), default=0)
    for name, value in report.facts:
        yield Text.assemble((f"{name:<{longest}}  ", "dim"), value)
    for chart in report.charts:
        yield Text()
        yield from _chart(chart, width)
    for table in (table for table in report.tables if not table.files_only):
        yield Text()
        yield from _table(table)
    for note in report.notes:
        yield Text()
        yield Text(note, style="dim italic")


def _table(table: Table) -> Iterator[RenderableType]:
    yield Text(table.title, style="bold")
    if not table.rows:
        yield Text(table.empty, style="dim")
        return
    shown = RichTable(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(table.columns):
        numeric = all(not isinstance(row[place], str) for row in table.rows)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell_text(cell)) for cell in row))
    yield shown


def _chart(chart: Chart, width: int) -> Iterator[RenderableType]:
    title = Text(chart.title, style="bold")
    if chart.mark is not None:
        title.append(f"  ┊ {percent_cut(chart.mark)} promised", style="dim")
    yield title
    label = min(_LABEL_MOST, max((len(bar.label) for bar in chart.bars), default=0))
    room = max(_BAR_LEAST, min(_BAR_MOST, width - label - 28))
    floor = chart.floor
    for bar in chart.bars:
        yield _line(bar, label, room, floor, chart.mark)
    yield Text(f"{'':<{label}} bars begin at {percent_cut(floor)}", style="dim")


def _line(bar: Bar, label: int, room: int, floor: Fraction, mark: Fraction | None) -> Text:
    text = Text(f"{bar.label[:label]:<{label}} ", overflow="ellipsis", no_wrap=True)
    if bar.value is None:
        return text.append("nothing was measured", style="dim")
    eighths = round((bar.value - floor) / (100 - floor) * room * 8)
    drawn = ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).strip().ljust(room)
    if mark is not None:
        place = min(room - 1, int((mark - floor) / (100 - floor) * room))
        drawn = drawn[:place] + ("┊" if drawn[place] == " " else drawn[place]) + drawn[place + 1 :]
    text.append(drawn, style="red" if bar.missed else "green")
    return text.append(f" {percent_cut(bar.value)} {bar.note}", style="red" if bar.missed else "")
