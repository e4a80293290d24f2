"""Which objectives does a text of OpenSLO documents promise?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Final

from rating import Problem
from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.burn import BurnCondition
from value_network_sla.domain.policing.objective import Indicator, Objective, Op
from value_network_sla.domain.policing.openslo import catalogue as kinds
from value_network_sla.domain.policing.openslo.catalogue import Catalogue, Object
from value_network_sla.domain.policing.openslo.conditions import read_conditions
from value_network_sla.domain.policing.openslo.indicators import ReadIndicator, read_indicator, read_sli
from value_network_sla.domain.policing.openslo.reader import NAME, Reader
from value_network_sla.domain.policing.openslo.terms import ReadTerms, read_terms
from value_network_sla.domain.policing.openslo.tree import DocumentRefused, Kind, Node, read_stream
from value_network_sla.domain.policing.openslo.windows import read_slice, read_window
from value_network_sla.domain.policing.windows import CalendarWindow, Window

_PARTNER: Final = "partner"
_EFFECTIVE: Final = "effective-from"
_SAMPLE: Final = "minimum-sample"
_MOST_SAMPLE: Final = 10**12
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the text doesn't say it."""

    partner: str = ""
    """`partners/{partner}`; empty: the text has to say it."""
    effective_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Slo:
    """What all objectives of an SLO have in common; None is what was wrong, and is noted already."""

    found: Object
    read: ReadIndicator | None
    window: Window | None
    method: Budgeting | None
    service: str | None
    partner: str | None
    effective_time: datetime | None
    conditions: tuple[BurnCondition, ...]
    terms: ReadTerms | None
    minimum_sample: int
    description: str

    @property
    def is_threshold(self) -> bool:
        return self.read is not None and self.read.is_threshold


def read_objectives(text: str, defaults: Defaults, now: datetime) -> Sequence[Objective]:
    """The objectives of a text in its order, with revision 0: numbers are given when they are kept.

    Raises DocumentRefused with the place of everything that is wrong.
    """
    documents = read_stream(text)
    reader = Reader()
    catalogue = Catalogue(reader, documents)
    terms = _terms_by_slo(reader, catalogue)
    _check_others(reader, catalogue)
    slos = catalogue.all(kinds.SLO)
    objectives = [each for slo in slos for each in _of_slo(reader, catalogue, slo, terms.get(slo.name), defaults, now)]
    reader.finish()
    if not slos:
        raise DocumentRefused([Problem("", 1, 1, "a text without SLO", "at least one document of kind SLO")])
    return objectives


def _terms_by_slo(reader: Reader, catalogue: Catalogue) -> Mapping[str, ReadTerms]:
    found: dict[str, ReadTerms] = {}
    for each in catalogue.all(kinds.AGREEMENT_TERMS):
        read = read_terms(reader, catalogue, each)
        if read is None:
            continue
        for reference in read.objectives:
            slo = catalogue.find(kinds.SLO, reference)
            if slo is not None and slo.name in found:
                reader.refuse(reference, "an SLO that no other terms hold for")
            elif slo is not None:
                found[slo.name] = read
    return found


def _check_others(reader: Reader, catalogue: Catalogue) -> None:
    """What no SLO refers to must be sound all the same; what one refers to is noted once, for notes are a set."""
    for sli in catalogue.all(kinds.SLI):
        read_sli(reader, catalogue, sli)
    for service in catalogue.all(kinds.SERVICE):
        if reader.mapping(service.spec, (), ("description",)):
            reader.text(service.spec.get("description"))
    for target in catalogue.all(kinds.ALERT_TARGET):
        reader.mapping(target.spec, ("target",), ("description",))
    for source in catalogue.all(kinds.DATA_SOURCE):
        reader.mapping(source.spec, ("type",), ("description", "connectionDetails"))


def _of_slo(
    reader: Reader,
    catalogue: Catalogue,
    found: Object,
    terms: ReadTerms | None,
    defaults: Defaults,
    now: datetime,
) -> Sequence[Objective]:
    slo = _common(reader, catalogue, found, terms, defaults)
    items = reader.items(found.spec.get("objectives"))
    if not items or (slo.is_threshold and len(items) > 1):
        expected = "one objective, for the metric is a thresholdMetric" if items else "at least one objective"
        reader.refuse(found.spec.get("objectives") or found.spec, expected, f"{len(items)} objectives")
    numbered = [(item, number if len(items) > 1 else None) for number, item in enumerate(items, start=1)]
    read = (_objective(reader, slo, item, number, now) for item, number in numbered)
    return [objective for objective in read if objective is not None]


def _common(reader: Reader, catalogue: Catalogue, found: Object, terms: ReadTerms | None, defaults: Defaults) -> _Slo:
    spec = found.spec
    catalogue.check_annotations(found, (_PARTNER, _EFFECTIVE, _SAMPLE))
    required = ("service", "timeWindow", "budgetingMethod", "objectives")
    reader.mapping(spec, required, ("description", "indicator", "indicatorRef", "alertPolicies"))
    read = read_indicator(reader, catalogue, spec)
    window = read_window(reader, spec.get("timeWindow"))
    sample = reader.whole(found.annotations.get(_SAMPLE), 0, _MOST_SAMPLE)
    if terms is not None and terms.tiers is not None and window is not None and not isinstance(window, CalendarWindow):
        reader.refuse(spec.get("timeWindow") or spec, "a calendar window, for its terms give credits for periods")
    return _Slo(
        found=found,
        read=read,
        window=window,
        method=reader.choice(spec.get("budgetingMethod"), Budgeting),
        service=reader.name(spec.get("service")),
        partner=_partner(reader, found, read, terms, defaults),
        effective_time=_effective(reader, found, terms, defaults),
        conditions=read_conditions(reader, catalogue, spec),
        terms=terms,
        minimum_sample=terms.minimum_sample if terms is not None and sample is None else sample or 0,
        description=reader.text(spec.get("description")) or "",
    )


def _partner(
    reader: Reader, found: Object, read: ReadIndicator | None, terms: ReadTerms | None, defaults: Defaults
) -> str | None:
    """Whoever is named, and by all that name one the same."""
    named = (
        found.annotations.get(_PARTNER),
        None if terms is None else terms.partner,
        None if read is None else read.partner,
    )
    nodes = [node for node in named if node is not None]
    names = []
    for node in nodes:
        bare = node.text.removeprefix("partners/")
        if node.kind is not Kind.TEXT or not NAME.fullmatch(bare):
            reader.refuse(node, "the id of a partner: lower-case letters, digits and dashes")
            return None
        names.append(f"partners/{bare}")
    for node, name in zip(nodes[1:], names[1:], strict=True):
        if name != names[0]:
            reader.refuse(node, f"{names[0]}, whom the SLO is said to be of elsewhere")
    if names and defaults.partner and names[0] != defaults.partner:
        reader.refuse(nodes[0], f"{defaults.partner}, whose objectives the request says these are")
    if not names and not defaults.partner:
        expected = f"the annotation {kinds.ANNOTATIONS}{_PARTNER}, or terms or a metric source that name the partner"
        reader.refuse(found.node, expected, "an SLO of nobody")
        return None
    return names[0] if names else defaults.partner


def _effective(reader: Reader, found: Object, terms: ReadTerms | None, defaults: Defaults) -> datetime | None:
    own = found.annotations.get(_EFFECTIVE)
    said = reader.moment(own) or (terms and terms.effective_time) or defaults.effective_time
    if said is None and own is None:
        expected = f"the annotation {kinds.ANNOTATIONS}{_EFFECTIVE}, or terms with effectiveFrom"
        reader.refuse(found.node, expected, "an SLO that takes effect nobody knows when")
    return said


def _objective(reader: Reader, slo: _Slo, node: Node, number: int | None, now: datetime) -> Objective | None:
    optional = ("displayName", "op", "value", "target", "targetPercent", "timeSliceTarget", "timeSliceWindow")
    if not reader.mapping(node, (), optional):
        return None
    share = _target(reader, node)
    indicator = None if slo.read is None else _with_bound(reader, slo.read, node)
    sliced = None if slo.method is None else read_slice(reader, node, slo.method, slo.window)
    display_name = reader.text(node.get("displayName"), most=200) or slo.found.display_name
    # All that is wrong is noted by now.
    if share is None or indicator is None or sliced is None or slo.method is None or slo.window is None:
        return None
    if slo.service is None or slo.partner is None or slo.effective_time is None:
        return None
    suffix = "" if number is None else f".{number}"
    return Objective(
        name=f"objectives/{slo.found.name}{suffix}",
        revision=0,
        partner=slo.partner,
        service=slo.service,
        display_name=display_name,
        description=slo.description,
        indicator=indicator,
        target=Target(slo.method, share, sliced.target),
        window=slo.window,
        slice=sliced.length,
        effective_time=slo.effective_time,
        create_time=now,
        conditions=slo.conditions,
        terms=None if slo.terms is None else slo.terms.terms,
        minimum_sample=slo.minimum_sample,
    )


def _target(reader: Reader, node: Node) -> Fraction | None:
    """The share promised, by one of the two ways to write it."""
    share, percent = node.get("target"), node.get("targetPercent")
    if (share is None) == (percent is None):
        reader.refuse(node, "one of target and targetPercent", "an objective with both or neither")
        return None
    if share is not None:
        return reader.number(share, "a number from 0 to less than 1", lambda it: 0 <= it < 1)
    found = reader.number(percent, "a number from 0 to less than 100", lambda it: 0 <= it < _HUNDRED)
    return None if found is None else found / _HUNDRED


def _with_bound(reader: Reader, read: ReadIndicator, node: Node) -> Indicator | None:
    """The indicator with what its values are compared with, if they are.

    A ratio has nothing to be compared with, though its `op` is often written.
    """
    op, value = reader.choice(node.get("op"), Op), node.get("value")
    if not read.is_threshold:
        if value is not None:
            reader.refuse(value, "no value, for the metric is a ratioMetric")
        return read.indicator
    for key in ("op", "value"):
        if node.get(key) is None:
            reader.refuse(node, f"the key {key}, for the metric is a thresholdMetric", f"an objective without {key}")
    bound = reader.number(value, "a number", lambda _: True)
    return None if op is None or bound is None else replace(read.indicator, op=op, bound=bound)
