"""Usage in PostgreSQL: tables and the statements on them. One statement a batch."""
