"""The use cases, each in a file of its own."""
