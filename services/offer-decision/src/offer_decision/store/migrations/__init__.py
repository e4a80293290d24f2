"""How did the tables of offers come to be? One script a step, applied in order."""
