"""What follows when a customer consents to more, chooses a limit, or does without?"""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from rating import format_amount
from usage_correlation.domain.amounts import NANOS, nearest_nanos
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import Actor, EventKind, Facts, LimitEvent
from usage_correlation.domain.limits.notices import Moments, Notice, notice_signal
from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import (
    NO_CHOICE,
    Choice,
    ChoiceKind,
    LimitPolicy,
    limit_in_force,
)
from usage_correlation.domain.limits.standing import LimitState, Stage, Standing, chosen, consented, opening
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.errors import ConsentTermsDiffer, InvalidValue, LimitNotStopped, OptOutNotAllowed
from usage_correlation.handlers.limits.ports import Held, Kept, LimitLedger
from usage_correlation.handlers.limits.views import LimitView

_KINDS = {
    ChoiceKind.DEFAULT: EventKind.OPTED_IN,
    ChoiceKind.LIMIT: EventKind.LIMIT_CHOSEN,
    ChoiceKind.OPT_OUT: EventKind.OPTED_OUT,
}


@dataclass(frozen=True, slots=True)
class Price:
    """An amount that a customer was shown."""

    nanos: int
    currency: str

    def __str__(self) -> str:
        return f"{format_amount(Fraction(self.nanos, NANOS), 0)} {self.currency}"


@dataclass(frozen=True, slots=True)
class Act:
    """Whose word it is, about what, and when it was said."""

    subscriber: Subscriber
    policy: LimitPolicy
    actor: Actor
    now: datetime

    @property
    def held(self) -> Held:
        """What is locked for it."""
        return Held(self.subscriber.shard, self.subscriber.key, self.policy.id)

    def period(self) -> BillCycle:
        """The one that it is said in."""
        micros = to_micros(self.now)
        return LimitCalendar().period_at(self.policy.terms.period, micros, self.subscriber.subscription)


async def give_consent(ledger: LimitLedger, act: Act, shown: Price) -> LimitView:
    """Open what is stopped, up to the next limit. Raises LimitNotStopped, ConsentTermsDiffer."""
    subscription, policy = act.subscriber.subscription, act.policy
    choice, kept = await _locked(ledger, act)
    if kept is None or kept.standing.state is not LimitState.STOPPED or kept.consent_terms is None:
        state = kept.standing.state if kept else opening(act.period(), choice).state
        raise LimitNotStopped(subscription.id, policy.id, state)
    terms = kept.consent_terms
    price = Price(terms.price_nanos, terms.currency)
    if shown != price:
        raise ConsentTermsDiffer(subscription.id, policy.id, str(shown), str(price))
    standing = consented(kept.standing, policy.terms, choice, to_micros(act.now))
    view = _view(act, choice, standing)
    signal = await _open(ledger, act, kept, view)
    facts = replace(_facts(act, view), consent_terms=terms, signal=signal)
    await ledger.add_events([(act.held, _event(act, EventKind.CONSENTED, standing.period, facts))])
    return view


async def choose(ledger: LimitLedger, act: Act, choice: Choice) -> LimitView:
    """Another limit, none, or the policy's own, from now on. Raises InvalidValue, OptOutNotAllowed."""
    _check(act, choice)
    before, kept = await _locked(ledger, act)
    if before == choice and (kept is None or not kept.standing.consents):
        return _view(act, choice, kept.standing if kept else opening(act.period(), choice))
    standing = opening(act.period(), choice)
    if kept is not None:
        standing = chosen(kept.standing, act.policy.terms, choice, to_micros(act.now))
    view = _view(act, choice, standing)
    await ledger.choose(act.held, choice)
    facts = replace(_facts(act, view), chosen_limit_nanos=view.chosen_nanos)
    await ledger.add_events([(act.held, _event(act, _KINDS[choice.kind], standing.period, facts))])
    if kept is not None and kept.standing.state is LimitState.STOPPED and standing.state is not LimitState.STOPPED:
        opened = replace(_facts(act, view), signal=await _open(ledger, act, kept, view))
        await ledger.add_events([(act.held, _event(act, EventKind.OPENED, standing.period, opened))])
    elif kept is not None:
        await ledger.save([replace(kept, standing=standing)])
    return view


def _check(act: Act, choice: Choice) -> None:
    terms = act.policy.terms
    if choice.kind is ChoiceKind.OPT_OUT and not terms.opt_out_allowed:
        raise OptOutNotAllowed(act.subscriber.subscription.id, act.policy.id)
    if choice.kind is ChoiceKind.LIMIT and not terms.offers(choice.limit_nanos):
        offered = sorted({terms.limit_nanos, *terms.offered_limits_nanos})
        shown = ", ".join(str(Price(nanos, terms.currency)) for nanos in offered)
        raise InvalidValue("limit", str(Price(choice.limit_nanos, terms.currency)), f"one of {shown}")


async def _locked(ledger: LimitLedger, act: Act) -> tuple[Choice, Kept | None]:
    """What was said before, and where the subscription stands; nobody changes it meanwhile."""
    choices = await ledger.lock([act.held])
    kept = await ledger.standings([(act.held, act.period())])
    return choices.get(act.held.key, NO_CHOICE), next(iter(kept.values()), None)


async def _open(ledger: LimitLedger, act: Act, kept: Kept, view: LimitView) -> str:
    """End the stop and tell the customer; the signal's id."""
    await ledger.end_stop(kept, act.now)
    await ledger.save([Kept(kept.held, view.standing)])
    notice = Notice(Stage.OPEN, 0, view.limit_nanos)
    moments = Moments(act.now, act.now, act.now)
    signal = notice_signal(act.subscriber.subscription, act.policy, view.standing, notice, moments)
    await ledger.raise_signals([signal])
    return signal.id


def _view(act: Act, choice: Choice, standing: Standing) -> LimitView:
    subscription = act.subscriber.subscription
    return LimitView(subscription.id, subscription.customer, act.policy, standing, choice, None)


def _facts(act: Act, view: LimitView) -> Facts:
    terms = act.policy.terms
    return Facts(
        policy_revision=act.policy.revision,
        currency=terms.currency,
        limit_nanos=limit_in_force(terms, view.choice, view.standing.consents),
        spent_nanos=nearest_nanos(view.standing.spent),
        actor=act.actor,
    )


def _event(act: Act, kind: EventKind, period: BillCycle, facts: Facts) -> LimitEvent:
    return LimitEvent(kind, act.policy.id, period, act.now, act.now, facts)
