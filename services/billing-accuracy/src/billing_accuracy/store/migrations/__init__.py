"""How did the billing tables come to be? One script a step, applied in order."""
