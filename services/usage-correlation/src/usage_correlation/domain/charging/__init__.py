"""Charging sessions, their usage and their quotas (3GPP TS 32.290, 32.291): what is true wherever they are kept."""
