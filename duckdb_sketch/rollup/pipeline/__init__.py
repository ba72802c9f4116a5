"""What changes a rollup: refresh, append, rebuild, replay, coarser levels, expiry."""
