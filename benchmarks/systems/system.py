"""What the harness asks of a system."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from benchmarks.data import Data

Questions = Mapping[str, Mapping[str, str]]


class System(ABC):
    """One system in a process of its own: it prepares and loads a dataset, then answers questions about it.

    Nothing of the system is imported before an instance is made: the process that compares never loads it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    distribution: ClassVar[str]
    """Its name among Python packages."""
    kept: ClassVar[str]
    """How it keeps the data that it is timed on."""
    questions: ClassVar[Questions]
    """For each workload, what each contender of this system evaluates."""
    left_out: ClassVar[Mapping[tuple[str, str], str]] = {}
    """Why a contender does not take part in a workload, by both their names."""
    unscored: ClassVar[frozenset[str]] = frozenset()
    """Contenders whose answer is not one number that can be compared with the exact one."""

    def __init__(self, data: Data, threads: int) -> None:
        self.data = data
        self.threads = threads

    @classmethod
    def missing(cls) -> str | None:
        """Say what is not installed, or nothing."""
        return None if find_spec(cls.distribution) else f"{cls.distribution} is not installed"

    @classmethod
    def version(cls) -> str:
        """The version of what is installed."""
        return version(cls.distribution)

    def prepare(self, dataset: str) -> None:  # noqa: B027
        """Make the stored states of a dataset in this system's own form, unless they are there."""

    @abstractmethod
    def load(self, dataset: str, columns: Iterable[str]) -> None:
        """Take a dataset into memory; of the rows only `columns`."""

    @abstractmethod
    def answer(self, question: str) -> float | None:
        """Evaluate one of the `questions`. This is what is timed."""

    def stored(self, dataset: str) -> dict[str, dict[str, float]]:
        """For each contender over a loaded dataset of states, how many `states` there are and their `bytes`."""
        return {}

    def processes(self) -> list[int]:
        """The ids of the processes that hold this system's memory."""
        return [os.getpid()]

    def file(self, dataset: str, suffix: str, mark: str = "") -> Path:
        """Where the prepared states of a dataset are kept: a name that changes with the version."""
        return self.data.folder / f"{dataset}-{self.name}-{self.version()}{mark}.{suffix}"

    def forget_others(self, keep: Path) -> None:
        """Remove what other versions have prepared in the place of `keep`."""
        dataset, *_ = keep.name.split("-", 1)
        for path in self.data.folder.glob(f"{dataset}-{self.name}-*"):
            if path != keep:
                path.unlink()
