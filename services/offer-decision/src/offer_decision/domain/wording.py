"""How are amounts and dates said in a message?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from offer_decision.domain.campaigns import Amount
from offer_decision.domain.decisions import Recommendation, Trigger

MICROS: Final = 1_000_000
_MICROS_PER_CENT: Final = 10_000


def amount_text(amount: Amount) -> str:
    """E.g. "USD 68.20"; micro-units beyond cents are shown where there are any."""
    sign = "-" if amount.micros < 0 else ""
    units, rest = divmod(abs(amount.micros), MICROS)
    if rest % _MICROS_PER_CENT == 0:
        return f"{amount.currency} {sign}{units}.{rest // _MICROS_PER_CENT:02d}"
    return f"{amount.currency} {sign}{units}.{rest:06d}".rstrip("0")


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
