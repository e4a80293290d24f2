"""What settling with partners takes, one use case a file."""
