"""How do objectives and violations look to a system that speaks TMF623 SLA Management?"""

from datetime import datetime
from fractions import Fraction
from typing import Final

from cxmesh.sla.v1 import sla_management_pb2 as pb
from mesh.api import moment_message
from value_network_sla.domain.credits import CreditTerms
from value_network_sla.domain.policing.budget import attained
from value_network_sla.domain.policing.decimals import exact_text, percent_text
from value_network_sla.domain.policing.metrics import KNOWN
from value_network_sla.domain.policing.objective import Objective, Op
from value_network_sla.domain.policing.violation import Violation

_OPERATORS: Final = {Op.LTE: ".le", Op.GTE: ".ge", Op.LT: ".lt", Op.GT: ".gt"}
_AT_LEAST: Final = ".ge"
_PERCENT: Final = "%"
_SUPPLIER: Final = "supplier"


def sla_message(objective: Objective, superseded: datetime | None, now: datetime) -> pb.ServiceLevelAgreement:
    """An objective as an SLA; `superseded` is when another revision takes its place, if one does."""
    period = pb.SlaTimePeriod(
        start_date_time=moment_message(objective.effective_time), end_date_time=moment_message(superseded)
    )
    return pb.ServiceLevelAgreement(
        id=_id(objective),
        href=objective.name,
        name=objective.display_name,
        description=objective.description,
        version=str(objective.revision),
        approved=True,
        approved_date=moment_message(objective.create_time),
        state="active" if objective.effective_time <= now else "pending",
        validity_period=period,
        related_party=[pb.SlaRelatedParty(href=objective.partner, role=_SUPPLIER)],
        rule=_rules(objective),
    )


def violation_message(violation: Violation) -> pb.ServiceLevelViolation:
    """An objective missed, as an SLA violation."""
    objective, tally = violation.objective, violation.tally
    target, share = objective.target.target, attained(objective.target, tally) or Fraction(0)
    detail = pb.SlaViolationDetail(
        unit=_PERCENT,
        reference_value=percent_text(target),
        operator=_AT_LEAST,
        actual_value=percent_text(share),
        tolerance=percent_text(objective.target.budget),
        violation_average=percent_text(target - share),
        comment=f"{objective.target.method} over {tally.events:,} events of {objective.indicator.name}",
        consequence=_consequence(objective),
        rule=pb.SlaRef(href=f"{objective.name}#objective", description=objective.display_name),
    )
    return pb.ServiceLevelViolation(
        id=violation.name.removeprefix("violations/"),
        href=violation.name,
        date=moment_message(violation.detect_time),
        sla=pb.SlaRef(href=objective.name, description=objective.display_name),
        related_party=[pb.SlaRelatedParty(href=objective.partner, role=_SUPPLIER)],
        violation=detail,
        validity_period=pb.SlaTimePeriod(
            start_date_time=moment_message(violation.period.start),
            end_date_time=moment_message(violation.end_time or violation.period.end),
        ),
    )


def _id(objective: Objective) -> str:
    return objective.name.removeprefix("objectives/")


def _rules(objective: Objective) -> list[pb.SlaRule]:
    promise = pb.SlaRule(
        id="objective",
        metric=f"{objective.target.method} of {objective.indicator.name}",
        unit=_PERCENT,
        reference_value=percent_text(objective.target.target),
        operator=_AT_LEAST,
        tolerance=percent_text(objective.target.budget),
        consequence=_consequence(objective),
    )
    indicator = objective.indicator
    if indicator.op is None or indicator.bound is None:
        return [promise]
    metric = indicator.metrics[0]
    threshold = pb.SlaRule(
        id="threshold",
        metric=metric,
        unit=KNOWN[metric].unit if metric in KNOWN else "",
        reference_value=exact_text(indicator.bound),
        operator=_OPERATORS[indicator.op],
    )
    return [promise, threshold]


def _consequence(objective: Objective) -> str:
    """What the terms say, in words."""
    if objective.terms is None or not objective.terms.credits.tiers:
        return ""
    return _credit_text(objective.terms.credits)


def _credit_text(terms: CreditTerms) -> str:
    tiers = []
    for tier in terms.tiers:
        back = f"{percent_text(tier.fee_share)} % of the fee" if tier.fee_share is not None else ""
        if tier.amount is not None:
            back = f"{exact_text(Fraction(tier.amount.micros, 10**6))} {tier.amount.currency}"
        tiers.append(f"below {percent_text(tier.below)} %: {back}")
    return "service credit " + "; ".join(tiers)
