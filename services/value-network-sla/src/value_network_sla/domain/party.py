"""Who can answer for lateness or money, and with what share?"""

from apportioning.party import LINK, ORCHESTRATOR, UNATTRIBUTED, Party, PartyKind, Share, shares_of

__all__ = ["LINK", "ORCHESTRATOR", "UNATTRIBUTED", "Party", "PartyKind", "Share", "shares_of"]
