"""Files into the mesh: read, sent in batches, refused records reported, resumed where it ended."""

IN_FLIGHT = 8
"""Batches of 1,000 under way at a time, unless told otherwise: so many keep the service and its database busy."""
