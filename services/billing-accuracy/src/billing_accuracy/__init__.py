"""Every bill checked against re-rated usage before it leaves."""
