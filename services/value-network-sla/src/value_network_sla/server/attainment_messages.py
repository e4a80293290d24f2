"""How does it cross the wire how well an objective is kept?"""

from typing import Final

from cxmesh.sla.v1 import objective_pb2 as pb
from mesh.api import moment_message
from value_network_sla.domain.policing.budget import GOOD, Budgeting
from value_network_sla.domain.policing.decimals import parts_per
from value_network_sla.handlers.policing.attain import Standing
from value_network_sla.server.moments import money_message

_MILLION: Final = 10**6
_BILLION: Final = 10**9


def standing_message(standing: Standing) -> pb.ObjectiveAttainment:
    """How well an objective is kept in a window."""
    objective, tally, credit = standing.objective, standing.tally, standing.credit
    by_slices = objective.target.method is not Budgeting.OCCURRENCES
    share = standing.attained
    return pb.ObjectiveAttainment(
        objective=objective.name,
        revision=objective.revision,
        partner=objective.partner,
        window_start_time=moment_message(standing.period.start),
        window_end_time=moment_message(standing.period.end),
        event_count=tally.events,
        good_count=tally.good / GOOD,
        slice_count=tally.slices if by_slices else 0,
        good_slice_count=tally.good_slices if by_slices else 0,
        unmeasured_slice_count=standing.unmeasured_slices,
        excluded_minute_count=standing.excluded_minutes,
        attained_ppb=None if share is None else parts_per(share, _BILLION),
        target_ppb=parts_per(objective.target.target, _BILLION),
        error_budget_left_ppm=parts_per(standing.budget_left, _MILLION),
        missed=standing.missed,
        final=standing.final,
        credit=None if credit is None else money_message(credit.earned),
    )
