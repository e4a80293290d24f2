"""How much of the value network may somebody see?"""

from dataclasses import dataclass

from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.breach import Breach
from value_network_sla.errors import AgreementNotFound, BreachNotFound, PartnerNotFound


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads. What belongs to another partner is, to a partner, not there."""

    partner: str | None
    """`partners/{partner}`; None for staff and services of our own, who see everything."""

    def sees(self, partner: str) -> bool:
        """Whether what belongs to `partner` may be shown."""
        return self.partner is None or self.partner == partner

    def check_partner(self, partner: str) -> None:
        """Raise PartnerNotFound for another than the viewer."""
        if not self.sees(partner):
            raise PartnerNotFound(partner)

    def check_agreement(self, agreement: Agreement) -> Agreement:
        """The agreement; raises AgreementNotFound for another partner's."""
        if not self.sees(agreement.partner):
            raise AgreementNotFound(agreement.name)
        return agreement

    def check_breach(self, breach: Breach) -> Breach:
        """The breach; raises BreachNotFound for another partner's."""
        if not self.sees(breach.partner):
            raise BreachNotFound(breach.name)
        return breach

    def only(self, partner: str) -> str | None:
        """Whose part of a list to show, when `partner` (or, empty, everybody) is asked for; None for everybody's.

        Raises PartnerNotFound for another partner's.
        """
        if partner:
            self.check_partner(partner)
            return partner
        return self.partner
