"""Plans, campaigns, and the weighing of decisions: pure, without I/O."""
