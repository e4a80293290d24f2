"""Usage as it happens: records, counters, thresholds, signals."""
