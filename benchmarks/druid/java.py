"""Druid's own classes at work: `Folds.java` answers in lines of numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parent / "Folds.java"


class Java:
    """Runs it, each time in a process of its own."""

    def __init__(self, class_path: str) -> None:
        self._command = ["java", "-XX:+UseSerialGC", "-Xms2g", "-cp", class_path, str(_SOURCE)]

    def numbers(self, *arguments: Any) -> list[list[float]]:
        """The numbers of each line of an answer."""
        done = subprocess.run([*self._command, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]

    @staticmethod
    def version() -> str:
        done = subprocess.run(["java", "--version"], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0]
