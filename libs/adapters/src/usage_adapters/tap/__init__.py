"""Roaming files of GSMA TAP3.12: what is in them, whether they are whole, and which usage they report."""
