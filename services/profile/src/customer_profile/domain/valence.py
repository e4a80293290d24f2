"""How will the customer feel about an interaction?

The rules are data: the first one in the table that fits a touch-point gives its valence, and one that no rule fits is
neutral. A reason code fits a rule when it is the rule's or begins with it and a dot: `billing` covers
`billing.question`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from customer_profile.domain.touch_points import Valence

ANY = ""
"""Fits every reason or outcome."""


@dataclass(frozen=True, slots=True)
class ValenceRule:
    """A condition on a touch-point and the valence of those that it fits."""

    reason: str
    valence: Valence
    outcome: str = ANY
    resolved: bool | None = None
    """What first_contact_resolution must be; None: anything, unknown too."""

    def fits(self, reason: str, outcome: str, resolved: bool | None) -> bool:
        """Whether this rule speaks about such a touch-point."""
        return (
            _covers(self.reason, reason)
            and _covers(self.outcome, outcome)
            and (self.resolved is None or self.resolved is resolved)
        )


RULES: Sequence[ValenceRule] = (
    # Whatever it was about: the customer gave up, or has to come again.
    ValenceRule(ANY, Valence.NEGATIVE, outcome="abandoned"),
    ValenceRule(ANY, Valence.NEGATIVE, outcome="failed"),
    ValenceRule(ANY, Valence.NEGATIVE, resolved=False),
    # Something had gone wrong; settling it at once does not undo that.
    ValenceRule("complaint", Valence.NEGATIVE),
    ValenceRule("dispute", Valence.NEGATIVE),
    ValenceRule("billing.dispute", Valence.NEGATIVE),
    ValenceRule("billing.error", Valence.NEGATIVE),
    ValenceRule("fault", Valence.NEGATIVE),
    ValenceRule("service.fault", Valence.NEGATIVE),
    ValenceRule("delivery.late", Valence.NEGATIVE),
    ValenceRule("payment.reminder", Valence.NEGATIVE),
    ValenceRule("cancel", Valence.NEGATIVE),
    # A question that ought not to have been necessary: harmless once it is answered, negative until then.
    ValenceRule("care", Valence.NEUTRAL, resolved=True),
    ValenceRule("care", Valence.NEGATIVE),
    ValenceRule("billing", Valence.NEUTRAL, resolved=True),
    ValenceRule("billing", Valence.NEGATIVE),
    ValenceRule("service", Valence.NEUTRAL, resolved=True),
    ValenceRule("service", Valence.NEGATIVE),
    # What customers come for.
    ValenceRule("order", Valence.POSITIVE),
    ValenceRule("plan", Valence.POSITIVE),
    ValenceRule("upgrade", Valence.POSITIVE),
    ValenceRule("payment", Valence.POSITIVE),
    ValenceRule("information", Valence.POSITIVE),
    ValenceRule("self-service", Valence.POSITIVE),
    ValenceRule("praise", Valence.POSITIVE),
    ValenceRule("referral", Valence.POSITIVE),
)


def valence_of(reason: str, outcome: str, resolved: bool | None, rules: Sequence[ValenceRule] = RULES) -> Valence:
    """The valence that the first fitting rule gives."""
    fitting = (rule.valence for rule in rules if rule.fits(reason, outcome, resolved))
    return next(fitting, Valence.NEUTRAL)


def _covers(rule: str, code: str) -> bool:
    return rule in (ANY, code) or code.startswith(f"{rule}.")
