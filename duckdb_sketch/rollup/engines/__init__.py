"""What makes groups of slices: DuckDB in this process, or a cluster."""
