"""The signals that are shipped: how each is decided."""
