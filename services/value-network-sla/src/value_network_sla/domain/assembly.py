"""Which spans does a trace consist of, when parts came twice, too many came, or somebody took another's ids?"""

from apportioning.assembly import DISQUALIFYING, Assembly, SessionFlag, assemble

__all__ = ["DISQUALIFYING", "Assembly", "SessionFlag", "assemble"]
