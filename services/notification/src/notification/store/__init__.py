"""Templates and messages in PostgreSQL."""
