"""Families of sketches: what the rest of the package knows of HyperLogLog, histograms and so on.

A `Family` says how states are recognised, which SQL builds, merges and reads them, and which aggregates they answer.
Everything here is pure: SQL comes out, and no connection is needed. `register` makes a family of your own known.
"""

from duckdb_sketch.families.family import Aggregate, Answer, Family, Precision
from duckdb_sketch.families.reading import DistinctCount, Distribution, Number, Ranking, Reading
from duckdb_sketch.families.registry import (
    aggregates,
    answering,
    families,
    family,
    family_of,
    family_of_state,
    reading_as,
    register,
    unregister,
)
from duckdb_sketch.families.spark_function import SparkFunction, SparkType

__all__ = [
    "Aggregate",
    "Answer",
    "DistinctCount",
    "Distribution",
    "Family",
    "Number",
    "Precision",
    "Ranking",
    "Reading",
    "SparkFunction",
    "SparkType",
    "aggregates",
    "answering",
    "families",
    "family",
    "family_of",
    "family_of_state",
    "reading_as",
    "register",
    "unregister",
]
