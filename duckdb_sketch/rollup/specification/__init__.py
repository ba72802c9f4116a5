"""What a rollup is: its statement, granularity, metrics and table. Pure: no connection."""
