"""PostgreSQL: partners and agreements, spans, sessions, windows, breaches."""
