"""Mapping files: declared, checked with line and column, and made into adapters."""
