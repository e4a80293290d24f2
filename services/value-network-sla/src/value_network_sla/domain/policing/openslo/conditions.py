"""When does an alert fire, as the AlertPolicies of an SLO say?

An AlertCondition of kind `burnrate` has one window, `lookbackWindow`; the short window that goes with it is a twelfth
of it, or what the annotation `cxmesh.io/short-window` says; `cxmesh.io/minimum-events` says how many events it takes.
The operators `gte` and `lte` both mean that a burn rate that equals the threshold is met, for the specification's own
examples write `lte` where the threshold is at most the burn rate; `gt` and `lt` mean that it must be higher.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from value_network_sla.domain.policing.burn import DEFAULT_CONDITIONS, LONG_TO_SHORT, BurnCondition
from value_network_sla.domain.policing.objective import Op
from value_network_sla.domain.policing.openslo.catalogue import (
    ALERT_CONDITION,
    ALERT_POLICY,
    ALERT_TARGET,
    Catalogue,
    Object,
)
from value_network_sla.domain.policing.openslo.reader import Reader
from value_network_sla.domain.policing.openslo.tree import Kind, Node
from value_network_sla.domain.policing.windows import MINUTE

_BURN_RATE: Final = "burnrate"
_LONGEST: Final = timedelta(days=31)
_MOST_BURN: Final = 1_000_000
_MOST_CONDITIONS: Final = 20
_EVENTS: Final = "minimum-events"
_SHORT: Final = "short-window"


@dataclass(frozen=True, slots=True)
class _When:
    breaching: bool
    resolved: bool
    no_data: bool


def read_conditions(reader: Reader, catalogue: Catalogue, spec: Node) -> tuple[BurnCondition, ...]:
    """The conditions of an SLO's spec; the workbook's when it has no policies."""
    policies = spec.get("alertPolicies")
    if policies is None:
        return DEFAULT_CONDITIONS
    found: list[BurnCondition] = []
    for item in reader.items(policies):
        policy = _resolve(reader, catalogue, item, ALERT_POLICY, "alertPolicyRef")
        if policy is not None:
            found += _of_policy(reader, catalogue, policy)
    names = [condition.name for condition in found]
    if len(set(names)) < len(names):
        reader.refuse(policies, "conditions of different names", ", ".join(names))
    if len(found) > _MOST_CONDITIONS:
        reader.refuse(policies, f"at most {_MOST_CONDITIONS} conditions", f"{len(found)} conditions")
    return tuple(found)


def _resolve(reader: Reader, catalogue: Catalogue, item: Node, kind: str, reference: str) -> Object | None:
    """An object that is named, referred to or written out."""
    if item.kind is Kind.TEXT:
        return catalogue.find(kind, item)
    named = item.get(reference)
    if named is None:
        return catalogue.read(item, kind)
    return catalogue.find(kind, named) if reader.mapping(item, (reference,), ()) else None


def _of_policy(reader: Reader, catalogue: Catalogue, policy: Object) -> Sequence[BurnCondition]:
    catalogue.check_annotations(policy, ())
    optional = ("description", "alertWhenNoData", "alertWhenResolved", "alertWhenBreaching", "notificationTargets")
    if not reader.mapping(policy.spec, ("conditions",), optional):
        return ()
    reader.text(policy.spec.get("description"))
    for target in reader.items(policy.spec.get("notificationTargets")):
        _check_target(reader, catalogue, target)
    when = _When(
        breaching=_flag(reader, policy.spec.get("alertWhenBreaching"), default=True),
        resolved=_flag(reader, policy.spec.get("alertWhenResolved"), default=True),
        no_data=_flag(reader, policy.spec.get("alertWhenNoData"), default=False),
    )
    items = reader.items(policy.spec.get("conditions"))
    if len(items) != 1:
        reader.refuse(policy.spec.get("conditions") or policy.spec, "one condition", f"{len(items)} conditions")
    conditions = (_resolve(reader, catalogue, item, ALERT_CONDITION, "conditionRef") for item in items)
    read = (_condition(reader, catalogue, found, when) for found in conditions if found is not None)
    return [condition for condition in read if condition is not None]


def _flag(reader: Reader, node: Node | None, *, default: bool) -> bool:
    found = reader.flag(node)
    return default if found is None else found


def _check_target(reader: Reader, catalogue: Catalogue, item: Node) -> None:
    """Who is told is decided by who watches alerts; a target that is named must only be there, or may be elsewhere."""
    if item.get("targetRef") is not None:
        reader.mapping(item, ("targetRef",), ())
    elif (found := catalogue.read(item, ALERT_TARGET)) is not None:
        reader.mapping(found.spec, ("target",), ("description",))


def _condition(reader: Reader, catalogue: Catalogue, found: Object, when: _When) -> BurnCondition | None:
    catalogue.check_annotations(found, (_SHORT, _EVENTS))
    sound = reader.mapping(found.spec, ("severity", "condition"), ("description",))
    reader.text(found.spec.get("description"))
    severity = reader.text(found.spec.get("severity"), most=63)
    node = found.spec.get("condition")
    if not sound or node is None or severity is None:
        return None
    if not reader.mapping(node, ("threshold", "lookbackWindow"), ("kind", "op", "alertAfter")):
        return None
    kind = node.get("kind")
    if kind is not None and kind.text != _BURN_RATE:
        reader.refuse(kind, _BURN_RATE)
    op = reader.choice(node.get("op"), Op)
    threshold = reader.number(
        node.get("threshold"), f"a burn rate above 0, up to {_MOST_BURN:,}", lambda it: 0 < it <= _MOST_BURN
    )
    long = _window(reader, node.get("lookbackWindow"))
    short = _window(reader, found.annotations.get(_SHORT))
    after = _window(reader, _unless_zero(node.get("alertAfter")))
    events = reader.whole(found.annotations.get(_EVENTS), 0, 1_000_000_000)
    if threshold is None or long is None:
        return None
    short = short or max(MINUTE, long / LONG_TO_SHORT // MINUTE * MINUTE)
    if short > long:
        reader.refuse(found.annotations[_SHORT], "a window no longer than lookbackWindow")
    condition = BurnCondition(
        name=found.name,
        severity=severity,
        threshold=threshold,
        long=long,
        short=short,
        strict=op in {Op.GT, Op.LT},
        alert_after=after or timedelta(0),
        when_breaching=when.breaching,
        when_no_data=when.no_data,
        when_resolved=when.resolved,
    )
    return condition if events is None else replace(condition, minimum_events=events)


def _unless_zero(node: Node | None) -> Node | None:
    """`0m`, which OpenSLO has as the default, is no duration by its own rule for durations."""
    return None if node is not None and node.text in {"0m", "0h", "0d", "0"} else node


def _window(reader: Reader, node: Node | None) -> timedelta | None:
    found = reader.duration(node)
    if node is None or found is None:
        return None
    if found.passing is None or found.passing > _LONGEST:
        reader.refuse(node, "a window of minutes, hours, days or weeks, up to 31 days")
        return None
    return found.passing
