"""What keeping a rollup costs: refreshing it from files, late data, coarser levels, memory."""
