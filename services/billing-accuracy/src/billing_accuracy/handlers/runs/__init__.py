"""Use cases on whole bill runs."""
