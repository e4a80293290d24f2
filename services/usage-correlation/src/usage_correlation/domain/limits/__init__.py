"""Spending limits: what counts, when it stops, what the customer said about it."""
