"""Traces end to end, attainment per partner, responsibility and money apportioned."""
