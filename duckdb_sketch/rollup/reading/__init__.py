"""How a rollup stands, what changed, and gaps in its time series."""
