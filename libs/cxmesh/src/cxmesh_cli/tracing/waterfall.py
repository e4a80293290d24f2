"""How does a trace look in the terminal: who worked when, for how long, and where it failed?"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from cxmesh_cli.tracing.tree import Row, TraceSpan, arrange

_WHO_WIDTH = 34
_SPAN_WIDTH = 52
_TIME_WIDTH = 10
_BAR_LEAST, _BAR_MOST = 16, 80
_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
_PARTNER_MARK = " · "


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all lines of one picture share."""

    start_ns: int
    length_ns: int
    who_width: int
    span_width: int
    bar_width: int
    colours: dict[str, str]


def render(trace_id: str, spans: Sequence[TraceSpan], width: int) -> list[Text]:
    """The waterfall as lines at most `width` wide (80 at least)."""
    rows = arrange(spans)
    frame = _frame(rows, max(width, 80))
    lines = [Text.assemble("trace ", (trace_id, "bold")), _facts(spans), Text(), _column_names(frame)]
    for row in rows:
        lines.append(_line(row, frame))
        lines.extend(_notes(row, frame, max(width, 80)))
    return lines


def time_text(nanoseconds: int) -> str:
    """Milliseconds to a tenth; from ten seconds on, seconds."""
    milliseconds = nanoseconds / 1e6
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 10_000 else f"{milliseconds:.1f} ms"  # noqa: PLR2004 - see above


def _frame(rows: Sequence[Row], width: int) -> _Frame:
    start = min((row.span.start_ns for row in rows), default=0)
    end = max((row.span.end_ns for row in rows), default=0)
    who = min(_WHO_WIDTH, max((len(_who(row.span)) for row in rows), default=0))
    name = min(_SPAN_WIDTH, max((len(_label(row)) for row in rows), default=0))
    for_bar = width - who - name - 2 * _TIME_WIDTH - 4
    if for_bar < _BAR_LEAST:  # a narrow terminal: names give way, to a point
        name = max(16, name - (_BAR_LEAST - for_bar))
        for_bar = width - who - name - 2 * _TIME_WIDTH - 4
    services = sorted({row.span.service for row in rows})
    colours = {service: _COLOURS[place % len(_COLOURS)] for place, service in enumerate(services)}
    return _Frame(start, max(1, end - start), who, name, max(8, min(_BAR_MOST, for_bar)), colours)


def _facts(spans: Sequence[TraceSpan]) -> Text:
    start = min((span.start_ns for span in spans), default=0)
    end = max((span.end_ns for span in spans), default=0)
    partners = {span.partner for span in spans if span.partner}
    errors = sum(1 for span in spans if span.error)
    facts = [
        time_text(end - start),
        _count(len(spans), "span"),
        _count(len({span.service for span in spans}), "service"),
    ]
    if partners:
        facts.append(_count(len(partners), "partner"))
    text = Text(" · ".join(facts))
    if errors:
        text.append(" · ").append(_count(errors, "error"), style="bold red")
    return text


def _column_names(frame: _Frame) -> Text:
    line = f"{'service':<{frame.who_width}} {'span':<{frame.span_width}}"
    return Text(f"{line} {'offset':>{_TIME_WIDTH}} {'duration':>{_TIME_WIDTH}}", style="dim")


def _line(row: Row, frame: _Frame) -> Text:
    span = row.span
    colour = frame.colours[span.service]
    name = _cut(_label(row), frame.span_width)
    text = Text(overflow="ellipsis", no_wrap=True)
    text.append(f"{_cut(_who(span), frame.who_width):<{frame.who_width}} ", style=colour)
    text.append(f"{name:<{frame.span_width}} ", style="red" if span.error else "")
    text.append(f"{time_text(span.start_ns - frame.start_ns):>{_TIME_WIDTH}} ", style="dim")
    text.append(f"{time_text(span.duration_ns):>{_TIME_WIDTH}} ")
    text.append(_bar(span, frame), style="red" if span.error else colour)
    return text


def _notes(row: Row, frame: _Frame, width: int) -> list[Text]:
    """What a bar cannot say, on lines of their own under the span."""
    indent = " " * (frame.who_width + 1 + 2 * len(row.branches))
    notes = []
    if row.span.error:
        notes.append(Text(_cut(f"{indent}✗ {row.span.error}", width), style="bold red"))
    if row.orphan:
        notes.append(Text(_cut(f"{indent}its parent span was not received", width), style="dim italic"))
    if row.span.claims_other_sender:
        notes.append(Text(_cut(f"{indent}it claims to come from another partner", width), style="bold yellow"))
    return notes


def _bar(span: TraceSpan, frame: _Frame) -> str:
    """At least a thin mark, and never past the right edge."""
    cell = frame.length_ns / frame.bar_width
    first = min(int((span.start_ns - frame.start_ns) / cell), frame.bar_width - 1)
    cells = min(round(span.duration_ns / cell), frame.bar_width - first)
    return " " * first + ("█" * cells or "▏")


def _branches(row: Row) -> str:
    if not row.branches:
        return ""
    *above, last = row.branches
    return "".join("│ " if goes_on else "  " for goes_on in above) + ("├ " if last else "└ ")


def _label(row: Row) -> str:
    """Of an RPC's name the package is left out: the service stands beside it."""
    scope, slash, method = row.span.name.rpartition("/")
    return _branches(row) + (scope.rpartition(".")[2] + slash + method)


def _who(span: TraceSpan) -> str:
    return f"{span.service}{_PARTNER_MARK}{span.partner}" if span.partner else span.service


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
