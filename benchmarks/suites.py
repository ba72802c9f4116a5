"""The suites, by name."""

from __future__ import annotations

from benchmarks.choosing import Choosing
from benchmarks.cube.suite import CubeSuite
from benchmarks.druid.suite import Druid
from benchmarks.memory import Memory
from benchmarks.peers import Accuracy, Sizes, SpeedBesidePeers
from benchmarks.rollups.suite import Rollups
from benchmarks.service.suite import ServiceSuite
from benchmarks.sets.suite import Sets
from benchmarks.sources import Sources
from benchmarks.spark.suite import Spark
from benchmarks.study.suite import Study
from benchmarks.suite import Suite
from benchmarks.top_k import TopKBesideDuckDB

_ALL: tuple[type[Suite], ...] = (
    SpeedBesidePeers,
    Accuracy,
    Sizes,
    Sets,
    TopKBesideDuckDB,
    Study,
    Rollups,
    CubeSuite,
    ServiceSuite,
    Sources,
    Spark,
    Druid,
    Choosing,
    Memory,
)
SUITES = {suite.name: suite for suite in _ALL}
