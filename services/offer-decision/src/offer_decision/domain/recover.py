"""What makes up for this fault, and has it been made up for already?"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from offer_decision.domain.decisions import Reason
from offer_decision.domain.recovery import CreditState, Held, Recovery, RecoveryPolicy
from offer_decision.domain.wording import amount_text


def recover(
    policy: RecoveryPolicy, service: str, fault_time: datetime, held: Sequence[Held], recovered: Iterable[datetime]
) -> tuple[Recovery | None, Reason]:
    """What makes up for a fault that began at `fault_time`, and why or why not.

    `held` are the customer's active subscriptions; `recovered` is when faults of this service began that were made up
    for. A fault that comes to light late, and lies as near before one of these, is the same one too.
    """
    same = next((moment for moment in recovered if abs(fault_time - moment) < policy.one_fault), None)
    if same is not None:
        text = f"the fault of {service} since {same.isoformat()} has been made up for"
        return None, Reason("recovery.already", text)
    credited = _credited(service, held) if policy.credit else ""
    credit = policy.credit if credited else None
    if credit is None and not policy.voucher:
        return None, Reason("recovery.no_subscription", "the customer has no active subscription to credit")
    state = CreditState.PENDING if credit else None
    found = Recovery(service, fault_time, credit, credited, policy.voucher, state)
    given = [f"a credit of {amount_text(credit)} to {credited}"] if credit else []
    given += [f"the voucher {policy.voucher}"] if policy.voucher else []
    return found, Reason("recovery.offered", f"{' and '.join(given)} makes up for the fault")


def recovery_parameters(recovery: Recovery) -> dict[str, str]:
    """Values for a template that tells what makes up for a fault; both are there, the one that isn't given empty."""
    return {
        "credit": amount_text(recovery.credit) if recovery.credit else "",
        "voucher": recovery.voucher,
    }


def _credited(service: str, held: Sequence[Held]) -> str:
    """The first subscription, by name, of the kind that failed, or of any; empty when there is none."""
    ranked = sorted(held, key=lambda each: (each.service != service, each.subscription))
    return ranked[0].subscription if ranked else ""
