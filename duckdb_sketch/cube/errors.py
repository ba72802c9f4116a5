"""What goes wrong with a query over a cube. Each message says what was asked, and what would be right."""

from duckdb_sketch.errors import SketchError


class CubeError(SketchError):
    """A query cannot be answered, or not in the way that was asked for; the message says why."""
