"""How are amounts and dates said in a message?"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from rating import MINOR_UNITS, Rounding, RoundingMethod, format_amount

from offer_decision.domain.campaigns import Amount
from offer_decision.domain.decisions import Recommendation, Trigger

MICROS: Final = 1_000_000
_USUAL_DECIMALS: Final = 2


def amount_text(amount: Amount) -> str:
    """E.g. "USD 68.20"."""
    return exact_text(Fraction(amount.micros, MICROS), amount.currency)


def exact_text(amount: Fraction, currency: str) -> str:
    """An amount for people: to the currency's minor unit, half up; what is finer is nothing that anybody pays."""
    decimals = MINOR_UNITS.get(currency, _USUAL_DECIMALS)
    rounded = Rounding(RoundingMethod.HALF_UP, decimals).apply(amount)
    return f"{currency} {format_amount(rounded, decimals)}"


def day_text(moment: datetime, time_zone: str) -> str:
    """The date on the customer's calendar, ISO 8601."""
    return moment.astimezone(ZoneInfo(time_zone)).date().isoformat()


def moment_text(moment: datetime, time_zone: str) -> str:
    """The time on the customer's clock, to the minute."""
    return moment.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def trigger_parameters(trigger: Trigger, time_zone: str) -> dict[str, str]:
    """Values that a trigger gives to every template."""
    return {
        **trigger.parameters,
        **{name: day_text(moment, time_zone) for name, moment in trigger.days.items()},
        **{name: moment_text(moment, time_zone) for name, moment in trigger.moments.items()},
    }


def recommendation_parameters(recommendation: Recommendation, names: Mapping[str, str]) -> dict[str, str]:
    """Values for a template that names a plan."""
    return {
        "current_plan": names.get(recommendation.current_plan, recommendation.current_plan),
        "recommended_plan": names.get(recommendation.recommended_plan, recommendation.recommended_plan),
        "saving": amount_text(recommendation.saving),
    }
