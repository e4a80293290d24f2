"""What are the names of all spans, metrics and attributes, and what do they mean?

Only the documentation reads this; whoever measures something takes its names from where they are defined.
"""

from collections.abc import Iterable, Sequence

from mesh.events import names as events
from mesh.observe.entries import Attribute, Metric, Span
from mesh.rpc import names as rpc
from mesh.service import names as service

_STREAM = (events.MESSAGING_DESTINATION_NAME,)
_GROUP = (*_STREAM, events.MESSAGING_CONSUMER_GROUP_NAME)
_BATCH = (
    events.MESSAGING_SYSTEM,
    events.MESSAGING_OPERATION_NAME,
    events.MESSAGING_OPERATION_TYPE,
    events.MESSAGING_BATCH_MESSAGE_COUNT,
)

SPANS: Sequence[Span] = (
    *rpc.SPANS,
    Span(events.SEND_SPAN, "producer", "The events of one cause in one unit of work.", (*_STREAM, *_BATCH)),
    Span(
        events.PROCESS_SPAN,
        "consumer",
        "One call of one handler, with the events of one trace.",
        (*_GROUP, *_BATCH, events.EVENT_TYPE, events.ERROR_TYPE),
    ),
    *service.SPANS,
)
METRICS: Sequence[Metric] = (
    *rpc.METRICS,
    Metric(events.RELAYED_EVENTS, "counter", "{message}", "Events moved from the outbox to the stream.", _STREAM),
    Metric(events.HANDLED_EVENTS, "counter", "{message}", "Events handled.", (*_GROUP, events.EVENT_TYPE)),
    Metric(
        events.EVENT_DELAY,
        "histogram",
        "s",
        "From the commit that published an event to the commit that handled it.",
        _GROUP,
    ),
    Metric(
        events.FAILED_EVENTS,
        "counter",
        "{attempt}",
        "Attempts to handle an event that failed.",
        (*_GROUP, events.EVENT_TYPE, events.ERROR_TYPE),
    ),
    Metric(
        events.PARKED_EVENTS,
        "counter",
        "{message}",
        "Events put aside after the last attempt.",
        (*_GROUP, events.EVENT_TYPE),
    ),
    *service.METRICS,
)
ATTRIBUTES: Sequence[Attribute] = (
    *rpc.ATTRIBUTES,
    Attribute(events.MESSAGING_SYSTEM, "Always Redis.", "redis"),
    Attribute(events.MESSAGING_DESTINATION_NAME, "The topic.", "usage"),
    Attribute(events.MESSAGING_OPERATION_NAME, "What is done with the events.", "process"),
    Attribute(events.MESSAGING_OPERATION_TYPE, "The same, in the words of the conventions.", "process"),
    Attribute(events.MESSAGING_BATCH_MESSAGE_COUNT, "How many events at once.", "40"),
    Attribute(events.MESSAGING_CONSUMER_GROUP_NAME, "The service that handles the events.", "offer-decision"),
    Attribute(events.EVENT_TYPE, "Full name of the event's message.", "cxmesh.usage.v1.SignalRaised"),
    *service.ATTRIBUTES,
)


def to_markdown(
    spans: Sequence[Span] = SPANS, metrics: Sequence[Metric] = METRICS, attributes: Sequence[Attribute] = ATTRIBUTES
) -> str:
    """Names as Markdown tables, for the documentation: the mesh's own, or those that a service adds."""
    tables = {
        "Spans": _table(
            ("name", "kind", "meaning", "attributes"),
            [(f"`{span.name}`", span.kind, span.meaning, _codes(span.attributes)) for span in spans],
        ),
        "Metrics": _table(
            ("name", "instrument", "unit", "meaning", "attributes"),
            [(f"`{one.name}`", one.instrument, one.unit, one.meaning, _codes(one.attributes)) for one in metrics],
        ),
        "Attributes": _table(
            ("name", "meaning", "example"),
            [(f"`{one.name}`", one.meaning, f"`{one.example}`") for one in attributes],
        ),
    }
    filled = {"Spans": spans, "Metrics": metrics, "Attributes": attributes}
    return "\n".join(f"### {title}\n\n{table}" for title, table in tables.items() if filled[title])


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
