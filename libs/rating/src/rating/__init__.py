"""Exact rating of usage under declared tariffs."""
