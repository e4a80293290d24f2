"""Advice on plans: one use case a file."""
