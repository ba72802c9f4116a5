"""Set operations: how fast theta sketches are, and how far off unions, intersections and differences."""
