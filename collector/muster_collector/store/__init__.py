"""Where points live: InfluxDB in its three dialects, or an embedded DuckDB file."""
