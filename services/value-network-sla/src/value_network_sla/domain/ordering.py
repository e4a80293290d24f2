"""Which of two children of one parent came before the other?"""

from apportioning.ordering import CRISP, JAEGER, OrderRule, Siblings

__all__ = ["CRISP", "JAEGER", "OrderRule", "Siblings"]
