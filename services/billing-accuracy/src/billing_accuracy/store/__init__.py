"""Where bill runs and checks are kept: PostgreSQL, schema billing."""
