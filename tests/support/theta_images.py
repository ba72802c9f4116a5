"""Theta images that datasketches-java makes and reads, and what it says of them; needs `java` of a JDK."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from java_sketches import jars

PROGRAM = Path(__file__).parents[1] / "interop" / "ThetaImages.java"


class JavaTheta(NamedTuple):
    """What the library says of a sketch, and its images."""

    estimate: float
    lower: tuple[float, ...]
    """The lower bounds of 1, 2 and 3 standard deviations."""
    upper: tuple[float, ...]
    theta: float
    ordered: bytes
    unordered: bytes
    compressed: bytes


def run_java(jobs: Iterable[str]) -> list[JavaTheta]:
    """Do jobs in one Java process, in order; `ThetaImages.java` says what a job is."""
    classpath = ":".join(map(str, jars()))
    command = ["java", "-Xmx1g", "-cp", classpath, str(PROGRAM)]
    process = subprocess.run(command, input="\n".join(jobs) + "\n", capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return [_answer(line.split("\t")) for line in process.stdout.splitlines()]


def job(*words: object) -> str:
    """A job, with images in base64."""
    return " ".join(base64.b64encode(word).decode() if isinstance(word, bytes) else str(word) for word in words)


def _answer(fields: list[str]) -> JavaTheta:
    estimate, *bounds = map(float, fields[:7])
    images = [base64.b64decode(field) for field in fields[8:]]
    return JavaTheta(estimate, tuple(bounds[:3]), tuple(bounds[3:]), float(fields[7]), *images)
