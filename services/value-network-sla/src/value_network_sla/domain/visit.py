"""How long did a session wait for one party, for one operation?"""

from apportioning.visit import Visit

__all__ = ["Visit"]
