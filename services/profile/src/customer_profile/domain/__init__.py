"""Customers, what they hold, what they were in touch about: pure."""
