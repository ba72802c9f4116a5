"""What the service does under load."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar

from benchmarks.scale import THREADS
from benchmarks.service import load
from benchmarks.service.report import render
from benchmarks.suite import Suite, Unavailable

_THROUGHPUT = 20  # seconds at most


class ServiceSuite(Suite):
    name = "service"
    summary = "the service: arrival to answer, queries, memory under load; killed ten times; queries per second"
    file = "service"
    parts = ("load", "kills", "throughput")
    sizes: ClassVar = {"full": 600, "quick": 30, "toy": 4}

    @classmethod
    def add_options(cls, group: Any) -> None:
        group.add_argument("--seconds", type=int, help="how long the load lasts (default: 600; quick 30)")

    def measure(self, part: str) -> dict[str, Any]:
        if find_spec("uvicorn") is None:
            raise Unavailable('the service is not installed: pip install "duckdb-sketch[service]"')
        seconds = self.options.seconds or self.size
        with self.progress.step(f"{part}, {seconds} s"):
            measured = {
                "load": lambda: load.under_load(self.data / "load", seconds),
                "kills": lambda: load.killed(self.data / "kills", seconds),
                "throughput": lambda: load.throughput(self.data / "throughput", min(seconds, _THROUGHPUT)),
            }[part]()
        return {"threads": THREADS, **measured}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections)
