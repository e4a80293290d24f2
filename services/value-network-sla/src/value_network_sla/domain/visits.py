"""Which visits to partners were a session made of, and how do they lie in time?"""

from apportioning.visits import Visits, collapse

__all__ = ["Visits", "collapse"]
