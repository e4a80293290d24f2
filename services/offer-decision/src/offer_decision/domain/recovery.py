"""What can make up for a fault?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from offer_decision.domain.amounts import Amount, smallest_coin
from offer_decision.errors import InvalidValue

RECOVERY_TEMPLATE_SUFFIX: Final = "-recovery"
"""A campaign's template has a sister of this name for when something makes up for the fault."""
USUAL_FAULT_HOURS: Final = 24


class CreditState(StrEnum):
    """Whether a credit is on the account."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """What a campaign gives for a fault."""

    credit: Amount | None
    voucher: str
    """Empty: none."""
    fault_hours: int
    """Breaches of a service within so many hours of the last that was made up for are one fault; 0: the usual time."""

    @property
    def one_fault(self) -> timedelta:
        """How long after a recovery a breach is still the same fault."""
        return timedelta(hours=self.fault_hours or USUAL_FAULT_HOURS)


@dataclass(frozen=True, slots=True)
class Held:
    """An active subscription of a customer."""

    subscription: str
    """`subscriptions/{subscription}`."""
    service: str
    """In the words of services to customers: "iptv", "fixed-voice"."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What made up for a fault."""

    service: str
    fault_time: datetime
    credit: Amount | None
    subscription: str
    """To which it is credited; empty without a credit."""
    voucher: str
    credit_state: CreditState | None
    """None without a credit."""
    refusal: str = ""


def check_recovery(policy: RecoveryPolicy) -> None:
    """Raise InvalidValue for a credit that nobody can be paid."""
    credit = policy.credit
    if credit is not None and (credit.micros <= 0 or credit.micros % smallest_coin(credit.currency)):
        expected = f"above zero, in whole smallest coins of {credit.currency}"
        raise InvalidValue("campaign.recovery.credit", f"{credit.micros} micro-units", expected)
