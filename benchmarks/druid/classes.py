"""Druid's own classes: Maven brings those that `tests/interop/druid/pom.xml` names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.suite import Unavailable

HARNESS = Path(__file__).parents[2] / "tests" / "interop" / "druid"


def class_path(folder: Path) -> str:
    """Have Maven bring Druid's classes into a folder; return what Java needs to find them.

    Raises:
        Unavailable: If there is no Java compiler or no Maven, or Maven Central cannot be reached.
    """
    for command in ("java", "javac", "mvn"):
        if shutil.which(command) is None:
            raise Unavailable(f"there is no {command} on this machine")
    done = subprocess.run(
        ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        cwd=HARNESS,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "[ERROR]" in line]
        raise Unavailable(f"Maven could not bring Druid's classes: {errors[0] if errors else done.stderr.strip()}")
    return f"{folder}/*"
