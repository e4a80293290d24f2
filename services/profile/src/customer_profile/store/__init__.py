"""Customers, subscriptions and touch-points in PostgreSQL."""
