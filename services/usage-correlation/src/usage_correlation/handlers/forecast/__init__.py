"""Projections: one use case a file."""
