"""The history of the schema `usage`."""
