"""What every suite of measurements has in common."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.folders import COMMITTED_RESULTS, data_folder
from benchmarks.progress import Progress


class Unavailable(Exception):
    """A suite cannot run on this machine; the message says why."""


class Suite(ABC):
    """Measurements that are made with one name on the command line.

    Attributes:
        name: The name.
        summary: A line about it.
        generated: The folder of generated data, if it is not named as the file; suites may share that, too.
        file: The results are `<file>.json` and `<file>.md`; suites may share them, a section each.
        parts: The sections that it measures, in order; `--only` chooses.
        default_runs: Timed runs of each measurement, of which the best counts; 0 if nothing is timed.
        sizes: How much of everything a run takes, by the scale's name.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    file: ClassVar[str]
    generated: ClassVar[str] = ""
    parts: ClassVar[tuple[str, ...]]
    default_runs: ClassVar[int] = 0
    sizes: ClassVar[dict[str, int]] = {}

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.runs: int = options.runs or self.default_runs

    @classmethod  # noqa: B027 (most have none)
    def add_options(cls, group: Any) -> None:
        """Add the options that this suite alone has to a group of the parser."""

    @property
    def is_full(self) -> bool:
        """Whether this is a run whose results are committed."""
        return bool(self.options.scale == "full" and not self.options.rows)

    @property
    def size(self) -> int:
        """The size of the run, such as rows of generated data."""
        return int(self.options.rows or self.sizes[self.options.scale])

    @property
    def data(self) -> Path:
        """The folder of generated data."""
        name = self.generated or self.file
        return data_folder(name if self.is_full else f"{name}-{self.size}")

    @property
    def output(self) -> Path:
        """The folder of the results."""
        folder: Path = self.options.output or (COMMITTED_RESULTS if self.is_full else self.data / "results")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @abstractmethod
    def measure(self, part: str) -> dict[str, Any]:
        """Measure a part.

        Raises:
            Unavailable: If it cannot be measured here.
        """

    @staticmethod
    @abstractmethod
    def render(sections: dict[str, Any]) -> str:
        """The report on whatever sections there are, in Markdown."""

    @staticmethod
    def draw(sections: dict[str, Any], folder: Path) -> Iterator[Path]:
        """Draw the charts; yields each file once it is written."""
        yield from ()
