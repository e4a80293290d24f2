"""Queries on consumption: one use case a file."""
