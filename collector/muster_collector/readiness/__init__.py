"""The scoring engine: pure functions on tables, without I/O, clock or logging."""
