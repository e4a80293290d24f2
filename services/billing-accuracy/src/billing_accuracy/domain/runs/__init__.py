"""What is wrong with a bill run as a whole."""
