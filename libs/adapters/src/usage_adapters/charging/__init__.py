"""Recorded charging data of 3GPP TS 32.291 in JSON: requests one after another, and the usage that they report."""
