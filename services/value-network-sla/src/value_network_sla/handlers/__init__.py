"""What the value-network SLA service does, one use case a file."""
