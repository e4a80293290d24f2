"""How did the notification service's tables come to be? One script a step, applied in order."""
