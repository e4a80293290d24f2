"""How long would the session have taken, had some of its visits been shorter?"""

from apportioning.replay import Cut, Replay

__all__ = ["Cut", "Replay"]
