"""What is done about spending limits, one use case a file."""
