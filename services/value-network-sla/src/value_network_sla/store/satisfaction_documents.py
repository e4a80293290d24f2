"""How does a satisfaction become JSON, and come back?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from apportioning.party import Party, PartyKind
from value_network_sla.domain.satisfaction.attribution import Cost
from value_network_sla.domain.satisfaction.measuring import PartySatisfaction, Satisfaction
from value_network_sla.domain.satisfaction.resampling import Estimate

Document = Mapping[str, Any]  # Any: JSON that this module wrote

_COUNTS: Final = ("service", "sessions", "customers", "unlinked", "sample_of", "answers")
_ESTIMATES: Final = ("experience", "undisturbed", "survey_mean", "net_promoter_score")
_TIMES: Final = ("start_time", "end_time", "measure_time")
_OF_PARTY: Final = ("experience", "survey_troubled", "survey_untroubled", "contact_troubled", "contact_untroubled")
_OF_COST: Final = ("harm", "cost", "rest_cost")


def document_of(satisfaction: Satisfaction) -> Document:
    """A satisfaction as JSON."""
    return {
        **{name: getattr(satisfaction, name) for name in _COUNTS},
        **{name: _estimate(getattr(satisfaction, name)) for name in _ESTIMATES},
        **{name: getattr(satisfaction, name).isoformat() for name in _TIMES},
        "parties": [_party(each) for each in satisfaction.parties],
    }


def satisfaction_in(document: Document) -> Satisfaction:
    """What `document_of` wrote."""
    values: dict[str, Any] = {name: document[name] for name in _COUNTS}  # Any: fields of several types
    values |= {name: _read_estimate(document[name]) for name in _ESTIMATES}
    values |= {name: datetime.fromisoformat(document[name]) for name in _TIMES}
    return Satisfaction(**values, parties=tuple(_read_party(each) for each in document["parties"]))


def _party(each: PartySatisfaction) -> Document:
    return {
        "kind": each.party.kind.value,
        "partner": each.party.partner,
        "sessions": each.sessions,
        "troubled": each.troubled,
        "too_few": each.too_few,
        "cost": None if each.cost is None else _cost(each.cost),
        **{name: _estimate(getattr(each, name)) for name in _OF_PARTY},
    }


def _read_party(document: Document) -> PartySatisfaction:
    party = Party(PartyKind(document["kind"]), document["partner"])
    cost = document["cost"]
    return PartySatisfaction(
        party=party,
        sessions=document["sessions"],
        troubled=document["troubled"],
        cost=None if cost is None else _read_cost(party, cost),
        too_few=document["too_few"],
        **{name: _read_estimate(document[name]) for name in _OF_PARTY},
    )


def _cost(cost: Cost) -> Document:
    figures = {name: _estimate(getattr(cost, name)) for name in _OF_COST}
    return {**figures, "most_costly_share": cost.most_costly_share, "confounded": cost.confounded}


def _read_cost(party: Party, document: Document) -> Cost:
    harm, cost, rest = (Estimate(*document[name]) for name in _OF_COST)
    return Cost(party, harm, cost, rest, document["most_costly_share"], confounded=document["confounded"])


def _estimate(estimate: Estimate | None) -> list[float] | None:
    return None if estimate is None else [estimate.value, estimate.low, estimate.high]


def _read_estimate(document: list[float] | None) -> Estimate | None:
    return None if document is None else Estimate(*document)
