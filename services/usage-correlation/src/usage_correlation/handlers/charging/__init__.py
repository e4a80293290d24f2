"""Charging sessions: usage taken in, quotas answered."""
