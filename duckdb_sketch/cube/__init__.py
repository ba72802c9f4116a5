"""The cube: ordinary queries over events, answered from the cheapest rollups that can answer them."""

from duckdb_sketch.cube.advice import Advice
from duckdb_sketch.cube.cube import Answer, Cube
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Route
from duckdb_sketch.cube.reason import Reason, Rejection

__all__ = ["Advice", "Answer", "Cube", "CubeError", "Explanation", "Part", "Reason", "Rejection", "Route"]
