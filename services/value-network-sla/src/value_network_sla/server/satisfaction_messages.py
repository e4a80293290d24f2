"""How is satisfaction said on the wire, and how much of it does a partner see?"""

from collections.abc import Iterator
from datetime import datetime

from google.type.interval_pb2 import Interval

from cxmesh.sla.v1 import error_reason_pb2, satisfaction_pb2
from cxmesh.sla.v1 import satisfaction_service_pb2 as service_pb2
from mesh.api import moment_message
from value_network_sla.domain.satisfaction.measuring import PartySatisfaction, Satisfaction
from value_network_sla.domain.satisfaction.resampling import Estimate
from value_network_sla.handlers.satisfaction.ports import CustomerFigures
from value_network_sla.handlers.satisfaction.record import Refusal
from value_network_sla.handlers.viewer import Viewer
from value_network_sla.server.sessions import party_message


def satisfaction_message(satisfaction: Satisfaction, viewer: Viewer, *, kept: bool) -> satisfaction_pb2.Satisfaction:
    """A satisfaction as `viewer` may see it; it has a name when it is `kept`."""
    end = int(satisfaction.end_time.timestamp())
    message = satisfaction_pb2.Satisfaction(
        name=f"satisfactions/{satisfaction.service}.{end}" if kept else "",
        service=satisfaction.service,
        interval=interval_message(satisfaction.start_time, satisfaction.end_time),
        measure_time=moment_message(satisfaction.measure_time),
    )
    if viewer.partner is not None:
        message.parties.extend(_own_and_others(satisfaction, viewer.partner))
    else:
        message.MergeFrom(_of_the_whole(satisfaction))
    return message


def takes_part(satisfaction: Satisfaction, viewer: Viewer) -> bool:
    """Whether anything of it may be shown."""
    return viewer.partner is None or any(each.party.partner == viewer.partner for each in satisfaction.parties)


def customer_message(
    name: str, figures: CustomerFigures, start_time: datetime, end_time: datetime
) -> satisfaction_pb2.CustomerSatisfaction:
    """How one customer fared."""
    return satisfaction_pb2.CustomerSatisfaction(
        name=name,
        services=[
            satisfaction_pb2.ServiceSatisfaction(
                service=each.service,
                experience_count=each.experiences,
                mean_score=each.mean_score,
                worst_score=each.worst_score,
                survey_score=each.survey_score,
                troubled_partners=each.troubled_partners,
            )
            for each in figures.services
        ],
        negative_touch_point_count=figures.contacts,
        interval=interval_message(start_time, end_time),
    )


def rejection_message(place: int, refusal: Refusal) -> service_pb2.SatisfactionRejection:
    """Why one report of a batch is not kept."""
    reason = (
        error_reason_pb2.ERROR_REASON_ALREADY_EXISTS if refusal.taken else error_reason_pb2.ERROR_REASON_INVALID_VALUE
    )
    return service_pb2.SatisfactionRejection(
        index=place, reason=reason, field=refusal.field, description=refusal.description
    )


def interval_message(start_time: datetime, end_time: datetime) -> Interval:
    """The interval from one moment to another."""
    return Interval(start_time=moment_message(start_time), end_time=moment_message(end_time))


def _of_the_whole(satisfaction: Satisfaction) -> satisfaction_pb2.Satisfaction:
    """What the provider alone sees."""
    return satisfaction_pb2.Satisfaction(
        session_count=satisfaction.sessions,
        customer_count=satisfaction.customers,
        unlinked_experience_count=satisfaction.unlinked,
        sample_of=satisfaction.sample_of,
        experience=_estimate(satisfaction.experience),
        undisturbed=_estimate(satisfaction.undisturbed),
        parties=[_party(each, whole=True) for each in satisfaction.parties],
        surveys=satisfaction_pb2.SurveySummary(
            answer_count=satisfaction.answers,
            mean=_estimate(satisfaction.survey_mean),
            net_promoter_score=_estimate(satisfaction.net_promoter_score),
        ),
    )


def _own_and_others(satisfaction: Satisfaction, partner: str) -> Iterator[satisfaction_pb2.PartySatisfaction]:
    for each in satisfaction.parties:
        if each.party.partner == partner:
            yield _party(each, whole=False)
            if each.cost is not None:
                yield satisfaction_pb2.PartySatisfaction(others=True, cost=_estimate(each.cost.rest_cost))


def _party(each: PartySatisfaction, *, whole: bool) -> satisfaction_pb2.PartySatisfaction:
    cost = each.cost
    return satisfaction_pb2.PartySatisfaction(
        party=party_message(each.party),
        session_count=each.sessions,
        troubled_session_count=each.troubled,
        experience=_estimate(each.experience),
        harm=_estimate(cost.harm if cost else None),
        cost=_estimate(cost.cost if cost else None),
        most_costly_share=cost.most_costly_share if whole and cost else 0.0,
        too_few=each.too_few,
        survey_troubled=_estimate(each.survey_troubled),
        survey_untroubled=_estimate(each.survey_untroubled),
        contact_troubled=_estimate(each.contact_troubled),
        contact_untroubled=_estimate(each.contact_untroubled),
        confounded=cost is not None and cost.confounded,
    )


def _estimate(estimate: Estimate | None) -> satisfaction_pb2.Estimate | None:
    if estimate is None:
        return None
    return satisfaction_pb2.Estimate(value=estimate.value, low=estimate.low, high=estimate.high)
