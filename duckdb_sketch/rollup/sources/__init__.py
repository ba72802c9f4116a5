"""Where events come from: slices, each of which is counted once."""
