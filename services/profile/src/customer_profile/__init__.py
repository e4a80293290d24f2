"""Who the customer is: identity, subscriptions, preferences, consent, touch-points."""
