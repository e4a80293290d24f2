"""The services that this one asks, behind its own ports."""
