"""How did the profile's tables come to be? One script a step, applied in order."""
