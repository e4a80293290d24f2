"""Which plan would have been cheaper for what the customer really used, and is this the moment to name it?"""

from offer_decision.domain.amounts import Amount, smallest_coin
from offer_decision.domain.decisions import Reason, Recommendation
from offer_decision.domain.facts import Facts, PlanCosts
from offer_decision.domain.plans import PlanState


def recommend(min_saving: Amount | None, facts: Facts) -> tuple[Recommendation | None, Reason]:
    """The cheapest plan on sale for the usage so far, when it saves enough and nothing troubles the customer; and why.

    A saving of less than the smallest coin is none: nobody could be told of it.
    """
    trouble = (*facts.open_faults, *facts.held_bills)
    if trouble:
        return None, Reason("plan.not_now", f"no plan is named while {trouble[0]} troubles the customer")
    compared = facts.plan_costs
    if compared is None or compared.current_plan not in compared.costs or compared.current_plan not in facts.plans:
        return None, Reason("plan.unknown", "what the usage costs under the plan in force can't be said")
    current = compared.costs[compared.current_plan]
    if min_saving is not None and min_saving.currency != current.currency:
        text = f"the least saving is stated in {min_saving.currency}, {compared.current_plan} costs {current.currency}"
        return None, Reason("plan.other_currency", text)
    best = _cheapest_on_sale(compared, facts)
    least = max(min_saving.micros if min_saving else 0, smallest_coin(current.currency))
    if best is None or current.micros - compared.costs[best].micros < least:
        return None, Reason("plan.fits", f"{compared.current_plan} fits: no plan on sale saves enough")
    found = Recommendation(compared.current_plan, best, current, compared.costs[best])
    return found, Reason("plan.recommended", f"{best} would have cost less for the usage so far")


def _cheapest_on_sale(compared: PlanCosts, facts: Facts) -> str | None:
    """By name where several cost the same; None when no other plan can be recommended."""
    currency = compared.costs[compared.current_plan].currency
    on_sale = (
        plan
        for plan, cost in compared.costs.items()
        if plan != compared.current_plan
        and cost.currency == currency
        and plan in facts.plans
        and facts.plans[plan].state is PlanState.ACTIVE
    )
    return min(on_sale, key=lambda plan: (compared.costs[plan].micros, plan), default=None)
