"""How are amounts, dates and plans said in a message?"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from offer_decision.domain.amounts import Amount, decimals_of
from offer_decision.domain.decisions import Recommendation
from offer_decision.domain.facts import PlanLabel
from offer_decision.domain.occasions import Occasion
from rating import Rounding, RoundingMethod, format_amount, from_micros


def amount_text(amount: Amount) -> str:
    """To the currency's smallest coin, e.g. "USD 68.20"; half a coin is rounded up."""
    decimals = decimals_of(amount.currency)
    rounded = Rounding(RoundingMethod.HALF_UP, decimals).apply(from_micros(amount.micros))
    return f"{amount.currency} {format_amount(rounded, decimals)}"


def day_text(moment: datetime, time_zone: str) -> str:
    """The date on the customer's calendar, ISO 8601."""
    return moment.astimezone(ZoneInfo(time_zone)).date().isoformat()


def moment_text(moment: datetime, time_zone: str) -> str:
    """The time on the customer's clock, to the minute."""
    return moment.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")


def occasion_parameters(occasion: Occasion, time_zone: str) -> dict[str, str]:
    """Values that an occasion gives to every template."""
    return {
        **occasion.parameters,
        **{name: day_text(moment, time_zone) for name, moment in occasion.days.items()},
        **{name: moment_text(moment, time_zone) for name, moment in occasion.moments.items()},
    }


def recommendation_parameters(recommendation: Recommendation, plans: Mapping[str, PlanLabel]) -> dict[str, str]:
    """Values for a template that names a plan."""
    return {
        "current_plan": plans[recommendation.current_plan].display_name,
        "recommended_plan": plans[recommendation.recommended_plan].display_name,
        "saving": amount_text(recommendation.saving),
    }
