"""Where plans, campaigns and decisions are kept: PostgreSQL, schema offer."""
