"""Apache DataSketches for Java, out of the jars that PySpark brings; needs `java` of a JDK (11 or later)."""

from __future__ import annotations

import base64
import importlib.util
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(__file__).parents[1] / "interop" / "HllImages.java"


class Answers(NamedTuple):
    """What a library says of a sketch."""

    estimate: float
    composite_estimate: float | None
    """None from C++, whose Python package does not tell it."""
    lower: tuple[float, float, float]
    """The lower bounds of 1, 2 and 3 standard deviations."""
    upper: tuple[float, float, float]


class Answered(NamedTuple):
    """An answer of the Java program."""

    answers: Answers
    images: tuple[bytes, ...]
    """The compact and the updatable image; none where one was read."""


def jars() -> list[Path]:
    """The jars of DataSketches that PySpark brings."""
    pyspark = importlib.util.find_spec("pyspark")
    assert pyspark is not None, "pip install pyspark"
    assert pyspark.submodule_search_locations is not None
    jars = Path(pyspark.submodule_search_locations[0]) / "jars"
    return sorted(jars.glob("datasketches-*.jar"))


def java_version() -> str:
    """The version of datasketches-java."""
    (version,) = (jar.stem.removeprefix("datasketches-java-") for jar in jars() if "-java-" in jar.name)
    return version


def run_java(jobs: Iterable[str]) -> list[Answered]:
    """Do jobs in one Java process, in order; `HllImages.java` says what a job is."""
    classpath = ":".join(map(str, jars()))
    command = ["java", "-Xmx2g", "-cp", classpath, str(PROGRAM)]
    process = subprocess.run(command, input="\n".join(jobs) + "\n", capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return [_answered(line.split("\t")) for line in process.stdout.splitlines()]


def read_job(image: bytes) -> str:
    """The job that asks for the answers of an image."""
    return f"read {base64.b64encode(image).decode()}"


def _answered(fields: list[str]) -> Answered:
    estimate, composite, *bounds = map(float, fields[:8])
    answers = Answers(estimate, composite, (bounds[0], bounds[1], bounds[2]), (bounds[3], bounds[4], bounds[5]))
    return Answered(answers, tuple(base64.b64decode(field) for field in fields[8:]))
