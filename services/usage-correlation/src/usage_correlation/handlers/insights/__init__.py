"""The signals that are shipped: what raises each."""
