"""How does a report become a page that stands alone: no script, no font and no picture from elsewhere?"""

from collections.abc import Iterator
from fractions import Fraction
from html import escape
from pathlib import Path

from cxmesh_cli.errors import BadInputError
from cxmesh_cli.sla.document import Bar, Chart, Report, Table, cell_text, decimals, percent_cut

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2330; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; }
dt { color: #5b6678; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: #5b6678; font-weight: 500; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e3e7ee; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
p.note, p.empty { color: #5b6678; } svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: #1c2330; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""
_ROW, _LABEL, _BAR, _RIGHT = 22, 200, 560, 200


def write_html(report: Report, path: Path) -> None:
    """Write the page."""
    try:
        path.write_text("\n".join(_page(report)) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path} can't be written: {error}") from error


def _page(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(report.title)}</h1><dl>"
    for name, value in report.facts:
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    for chart in report.charts:
        yield from _chart(chart)
    for table in (table for table in report.tables if not table.files_only):
        yield from _table(table)
    for note in report.notes:
        yield f'<p class="note">{escape(note)}</p>'
    yield "</body></html>"


def _table(table: Table) -> Iterator[str]:
    yield f"<h2>{escape(table.title)}</h2>"
    if not table.rows:
        yield f'<p class="empty">{escape(table.empty)}</p>'
        return
    numeric = [all(not isinstance(row[place], str) for row in table.rows) for place in range(len(table.columns))]
    kinds = ['class="n"' if each else "" for each in numeric]
    heads = "".join(f"<th {kind}>{escape(column)}</th>" for kind, column in zip(kinds, table.columns, strict=True))
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for row in table.rows:
        cells = (f"<td {kind}>{escape(cell_text(cell))}</td>" for kind, cell in zip(kinds, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _chart(chart: Chart) -> Iterator[str]:
    height = _ROW * len(chart.bars) + 8
    yield f"<h2>{escape(chart.title)}</h2>"
    yield f'<svg viewBox="0 0 {_LABEL + _BAR + _RIGHT} {height}" role="img" aria-label="{escape(chart.title)}">'
    for number, bar in enumerate(chart.bars):
        yield from _bar(bar, number * _ROW + 4, chart.floor)
    if chart.mark is not None:
        x = decimals(_LABEL + _width(chart.mark, chart.floor), 2)
        yield f'<line x1="{x}" x2="{x}" y1="0" y2="{height}" stroke="#1c2330" stroke-dasharray="3 3"/>'
    yield "</svg>"
    promised = "" if chart.mark is None else f"; dashed: {percent_cut(chart.mark)} promised"
    yield f'<p class="note">bars begin at {percent_cut(chart.floor)}{promised}</p>'


def _bar(bar: Bar, y: int, floor: Fraction) -> Iterator[str]:
    yield f'<text x="0" y="{y + 13}">{escape(bar.label)}</text>'
    if bar.value is None:
        yield f'<text x="{_LABEL}" y="{y + 13}">nothing was measured</text>'
        return
    colour = "#c2362b" if bar.missed else "#2b7a4b"
    width = decimals(_width(bar.value, floor), 2)
    yield f'<rect x="{_LABEL}" y="{y}" width="{width}" height="{_ROW - 6}" fill="{colour}"/>'
    told = f"{percent_cut(bar.value)} {bar.note}".strip()
    yield f'<text x="{_LABEL + _BAR + 8}" y="{y + 13}">{escape(told)}</text>'


def _width(percent: Fraction, floor: Fraction) -> Fraction:
    return max(Fraction(0), (percent - floor) / (100 - floor)) * _BAR
