"""Who made it slow, or made it fail: over a window of sessions, and from metrics alone."""
