"""What the profile service does, one use case a file."""
