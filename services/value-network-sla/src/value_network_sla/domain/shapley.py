"""What is each player's fair part of what all of them cause together?"""

from apportioning.shapley import EXACT_PLAYERS, Shares, exact_weights, shapley

__all__ = ["EXACT_PLAYERS", "Shares", "exact_weights", "shapley"]
