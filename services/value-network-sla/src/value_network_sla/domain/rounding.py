"""How is a whole split in whole units so that nothing is lost and nothing is invented?"""

from apportioning.rounding import MILLION, largest_remainder

__all__ = ["MILLION", "largest_remainder"]
